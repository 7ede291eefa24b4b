"""The privacy rules on the command line, the flag against them, and private output files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dgls.cli.app import run_app
from dgls.cli.asking import asker_of
from dgls.cli.private import readable
from dgls.config import resolve
from dgls.lab.evaluation.cut import Files, cut_cases
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source

FUNCTION = "def area(side, height):\n    total = side * height\n    return total + side\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a plain file and one private file of each kind."""
    tree = tmp_path / "tree"
    (tree / ".git").mkdir(parents=True)
    (tree / "deploy").mkdir()
    (tree / "hidden").mkdir()
    (tree / ".gitignore").write_text("hidden/\n")
    (tree / "dgls.toml").write_text('[privacy]\nsecrets = ["deploy/keys.py"]\n')
    for name in ("plain.py", "credentials.py", "deploy/keys.py", "hidden/a.py", ".env"):
        (tree / name).write_text(FUNCTION)
    (tree / "notes.py").symlink_to("credentials.py")
    for name in [name for name in os.environ if name.startswith("DGLS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DGLS_ENGINE_FOLDER", str(tmp_path / "e"))
    monkeypatch.setenv("DGLS_ENGINE_BACKEND", "missing_module:none")
    monkeypatch.chdir(tree)
    yield tree
    os.umask(0o022)


PRIVATE = ["credentials.py", "deploy/keys.py", "hidden/a.py", "notes.py", ".env"]


@pytest.mark.parametrize("name", [*PRIVATE, "./hidden/../credentials.py"])
def test_fill_leaves_private_files_alone(
    tree: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_app(["fill", "--language", "python", f"{name}:1"]) == 2
    said = capfd.readouterr().err
    assert "does not read" in said
    assert "--allow-private" in said


@pytest.mark.parametrize(("name", "flag"), [("plain.py", []), (".env", ["--allow-private"])])
def test_fill_accepts_a_plain_file_or_the_flag(
    tree: Path, name: str, flag: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    # It gets as far as the engine, whose backend does not exist.
    assert run_app(["fill", "--language", "python", f"{name}:1", *flag]) != 0
    assert "does not read" not in capfd.readouterr().err


def test_the_settings_of_a_files_folder_apply_from_any_directory(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("tree/deploy/keys.py", str(tree / "deploy/keys.py")):
        assert run_app(["fill", f"{name}:1"]) == 2
        assert "does not read" in capfd.readouterr().err
    files = Files(may_read=readable(resolve(), allow=False))
    found = {case.path for case in cut_cases(tree, 30, 0, files=files)}
    assert found == {"plain.py"}


def test_a_link_out_of_a_tree_is_not_read(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(FUNCTION)
    (tree / "out.py").symlink_to(tmp_path / "theirs.py")
    (tree / "in.py").symlink_to("plain.py")
    link = tmp_path / "link"
    link.symlink_to(tree)
    for folder in (tree, link, Path()):
        may_read = readable(resolve(tree), folder, allow=False)
        found = {name for name in ("out.py", "in.py", "plain.py") if may_read(folder / name)}
        assert found == {"in.py", "plain.py"}
    assert readable(resolve(tree), tree, allow=True)(tree / "out.py")


def test_a_file_that_a_link_leads_out_to_is_not_sent_as_context(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text("def theirs():\n    return 1\n")
    (tree / "helpers.py").symlink_to(tmp_path / "theirs.py")
    text = "import helpers\nimport plain\n"
    source = Source.parse(text, language_of("a.py"))
    (tree / "a.py").write_text(text)
    with_context = resolve(tree, overrides={"context.chars": 4000})
    asker = asker_of("a.py", source, with_context, "fill")
    assert [snippet.path for snippet in asker.snippets] == ["plain.py"]


def test_a_file_hidden_by_its_folders_settings_is_not_sent_as_context(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tree / "deploy/dgls.toml").write_text('[privacy]\nsecrets = ["own.py"]\n')
    (tree / "deploy/own.py").write_text(FUNCTION)
    (tree / "link.py").symlink_to("deploy/own.py")
    (tree / "main.py").write_text("import plain\nimport deploy.own\nimport link\n")
    monkeypatch.setenv("DGLS_CONTEXT_CHARS", "1000")
    source = Source.parse((tree / "main.py").read_text(), language_of("main.py"))
    snippets = asker_of("main.py", source, resolve(tree), "").snippets
    assert [snippet.path for snippet in snippets] == ["plain.py"]
    assert run_app(["fill", "link.py:1"]) == 2
    assert "does not read" in capfd.readouterr().err


def test_a_report_is_not_written_through_a_link(
    tree: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "precious").write_text("gold")
    (tree / "out").mkdir()
    (tree / "out" / "report.md").symlink_to(tmp_path / "precious")
    command = ["eval", "cut", ".", "--system", "nothing", "--count", "5", "--out", "out"]
    assert run_app(command) == 2
    assert "is a link" in capfd.readouterr().err
    assert (tmp_path / "precious").read_text() == "gold"


def test_tasks_are_cut_only_from_readable_files(tree: Path) -> None:
    files = Files(may_read=readable(resolve(tree), allow=False))
    assert {case.path for case in cut_cases(tree, 30, 0, files=files)} == {"plain.py"}
    everything = {case.path for case in cut_cases(tree, 60, 0)}
    assert {"credentials.py", "deploy/keys.py", "notes.py"} <= everything


def test_files_written_by_eval_are_private_to_the_user(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "answers.jsonl").touch(mode=0o644)
    command = ["eval", "cut", ".", "--system", "nothing", "--count", "5", "--out", str(out)]
    assert run_app(command) == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in out.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "report.json" in modes
    assert "credentials" not in (out / "answers.jsonl").read_text()


def test_train_reads_no_private_file(tree: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tree / f"other{number}.py").write_text(FUNCTION.replace("area", f"area{number}") * 30)
    command = ["train", "--recipe", "magic", "--source", ".", "--folder", str(tmp_path / "w")]
    assert run_app(command) != 0
    from dgls.lab.evaluation.contamination import Contamination
    from dgls.lab.training.corpus import build_corpus
    from dgls.lab.training.fetch import local_package

    may_read = readable(resolve(tree), allow=False)
    (tree / "credentials.py").write_text("# gold\n" + FUNCTION * 30)
    packages = [local_package(tree)]
    build_corpus(tmp_path / "c", packages, Contamination.of(()), lambda line: None, may_read)
    assert b"gold" not in b"".join(path.read_bytes() for path in (tmp_path / "c").iterdir())
