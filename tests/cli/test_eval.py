"""`dgls eval` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dgls.checkpoint.metadata import read_metadata
from dgls.cli.app import run_app
from tests.lab.evaluation.samples import TASKS, write_tasks, write_tree
from tests.support.checkpoints import save_tiny
from tests.support.overfit import FIXTURES, overfitted_checkpoint

BASELINES = ("--system", "nothing", "--system", "copy")


def test_measuring_the_benchmark_twice_gives_the_same_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = write_tasks(tmp_path / "tasks.jsonl.gz"), tmp_path / "out"
    arguments = ["eval", "humaneval", str(file), *BASELINES, "--execute", "--out", str(out)]
    assert run_app(arguments) == 0
    first, page = capsys.readouterr().out, (out / "report.md").read_bytes()
    assert "| nothing | 0.0" in first
    report = json.loads((out / "report.json").read_text())
    assert [row["system"] for row in report["rows"]] == ["nothing", "copy"]
    assert report["about"]["executed"] is True
    assert report["about"]["cases"] == len(TASKS)
    assert run_app(arguments) == 0
    assert capsys.readouterr().out == first
    assert (out / "report.md").read_bytes() == page


def test_the_whole_report_is_printed_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, tree = write_tasks(tmp_path / "tasks.jsonl"), write_tree(tmp_path / "tree")
    for arguments in (["humaneval", str(file)], ["cut", str(tree), "--count", "2"]):
        out = tmp_path / arguments[0]
        assert run_app(["eval", *arguments, *BASELINES, "--json", "--out", str(out)]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said == json.loads((out / "report.json").read_text())
        assert [row["system"] for row in said["rows"]] == ["nothing", "copy"]


def test_nothing_is_executed_without_the_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_tasks(tmp_path / "tasks.jsonl")
    assert run_app(["eval", "humaneval", str(file), *BASELINES, "--out", str(tmp_path / "o")]) == 0
    assert "pass@1" not in capsys.readouterr().out
    assert not (tmp_path / "o" / "verdicts.jsonl").exists()


def test_own_source_is_measured_with_every_system(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = write_tree(tmp_path / "tree")
    model = save_tiny(tmp_path / "model")
    chosen = [("--system", name) for name in ("copy", "causal", "revised", "noise", "dgls")]
    arguments = ["eval", "cut", str(tree), "--count", "4", "--model", str(model)]
    arguments += [a for pair in chosen for a in pair]
    assert run_app(arguments) == 0
    table = capsys.readouterr().out
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
    assert rows == ["copy", "causal", "revised", "noise", "dgls"]


def test_a_checkpoint_that_is_never_right_is_left_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree, model = write_tree(tmp_path / "tree"), save_tiny(tmp_path / "model")
    before = (model / "dgls.json").read_bytes()
    arguments = ["eval", "calibrate", str(model), "--tree", str(tree), "--count", "10"]
    assert run_app(arguments) == 6
    assert "left as it is" in capsys.readouterr().err
    assert (model / "dgls.json").read_bytes() == before


def test_a_checkpoint_gets_its_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a file whose whole lines the model has memorized, and parts of lines less well."""
    model = Path(shutil.copytree(overfitted_checkpoint(), tmp_path / "model"))
    tree = tmp_path / "tree"
    tree.mkdir()
    shutil.copyfile(FIXTURES / "shapes.py", tree / "shapes.py")
    before = read_metadata(model)
    arguments = ["eval", "calibrate", str(model), "--tree", str(tree), "--count", "40", "--json"]
    assert run_app(arguments) == 0
    after = read_metadata(model)
    assert before is not None
    assert after is not None
    assert after.calibration != before.calibration
    assert after.threshold is not None
    assert 0 < after.threshold <= 1
    assert after.notes["calibration"]["fitted_on"] == "tree"
    said = json.loads(capsys.readouterr().out)
    assert said["file"] == str(model)
    assert said["shown"]["threshold"] == pytest.approx(after.threshold)
    assert 0 <= said["error_after"] <= 1
    # The fitted threshold decides what the next report counts as shown.
    cut = ["eval", "cut", str(FIXTURES), "--model", str(model), "--count", "12"]
    assert run_app([*cut, "--system", "dgls", "--out", str(tmp_path / "out")]) == 0
    (row,) = json.loads((tmp_path / "out" / "report.json").read_text())["rows"]
    assert row["shown"]["threshold"] == after.threshold


@pytest.mark.parametrize("careful", [[], ["--careful"]])
def test_edits_print_the_same_as_text_and_json(
    careful: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = str(Path(__file__).parents[2] / "fixtures" / "edits")
    assert run_app(["eval", "edits", "--sessions", sessions, *careful]) == 0
    text = capsys.readouterr().out
    assert run_app(["eval", "edits", "--sessions", sessions, *careful, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    figures = found["sessions"]
    assert text.startswith(
        f"{found['system']}: {figures['offered']} of {figures['due']} right offers"
    )
    assert figures["due"] == sum(each["due"] for each in figures["sessions"]) > 0
    assert found["archives"] is None


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["humaneval", "{folder}/gone.jsonl"], 3, "gone.jsonl"),
        (["humaneval", "{tasks}", "--system", "magic"], 2, "'magic'"),
        (["cut", "{folder}/gone"], 3, "not a folder"),
        (["cut", "{tree}", "--model", "{folder}/gone", "--system", "dgls"], 6, "gone"),
        (
            ["humaneval", "{tasks}", *BASELINES, "--out", "{tasks}"],
            2,
            "cannot write the results to",
        ),
        (["calibrate", "{folder}/gone", "--tree", "{tree}"], 6, "gone"),
        (["cut", "{tree}", "--language", "zig"], 5, "'zig'"),
        (["cut", "{tree}", "--language", "rust"], 3, "no Rust file"),
    ],
)
def test_each_wrong_call_has_its_status_and_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    places = {
        "folder": str(tmp_path),
        "tasks": str(write_tasks(tmp_path / "tasks.jsonl")),
        "tree": str(write_tree(tmp_path / "tree")),
    }
    assert run_app(["eval", *(argument.format(**places) for argument in arguments)]) == status
    message = capsys.readouterr().err
    assert said in message
    assert "Traceback" not in message
