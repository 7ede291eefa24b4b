"""The common behaviour of all verbs: version, help, mistakes, exit statuses, Ctrl-C, completion."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dgls.cli
from dgls import __version__
from dgls.cli.completion import Shell, script
from dgls.cli.main import INTERRUPTED, run
from dgls.cli.stats import stats_json
from dgls.cli.verbs import DIRECT, GROUPS, VERBS, help_page
from dgls.counts import Count, Kind

COMMAND = [sys.executable, "-m", "dgls"]

HEAVY = {"torch", "transformers", "numpy", "tokenizers", "typer", "rich", "pygls", "asyncio"}
"""Modules that a command with one line of output must not load."""


@pytest.mark.parametrize("argument", ["-V", "--version"])
def test_the_version_is_printed(capsys: pytest.CaptureFixture[str], argument: str) -> None:
    assert run([argument]) == 0
    assert capsys.readouterr().out == f"dgls {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_every_verb_in_its_group(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    for group, verbs in GROUPS.items():
        listed = shown.split(f"\n{group}\n")[1].split("\n\n")[0]
        assert re.findall(r"^  (\S+)", listed, re.MULTILINE) == [verb.name for verb in verbs]


def test_every_command_module_is_listed() -> None:
    folder = Path(dgls.cli.__file__).parent
    files = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    found = [file for file in files if "def register(app" in file.read_text()]
    verbs = {file.parent.name if file.stem == "__init__" else file.stem for file in found}
    assert verbs == set(VERBS) - set(DIRECT)


def test_no_line_is_wider_than_a_terminal() -> None:
    assert max(map(len, help_page().splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["-V"], ["--help"], ["editor", "helix", "--json"]])
def test_printing_text_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from dgls.cli.main import run; "
        f"run({arguments!r}); print(*({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    # 40 to 100 ms on two shared cores; the limit allows for a busy machine.
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fil"], "no command 'fil'. Did you mean 'fill'?"),
        (["app.py:3:4"], "Did you mean 'dgls fill app.py:3:4'?"),
        (["--versoin"], "no option '--versoin'. Did you mean '--version'?"),
        (["xyzzy"], "no command 'xyzzy'. dgls --help"),
        (["status"], "no command 'status'. Did you mean 'doctor'?"),
        (["eval", "cutt"], "Did you mean 'cut'?"),
        (["fill", "--jsno", "a.py:1"], "--json"),
        (["completion", "tcsh"], "bash"),
        (["editor", "nvim"], "the editor 'nvim'. Did you mean 'neovim'?"),
        (["editor", "helix", "--chekc"], "has no argument '--chekc'. Did you mean '--check'?"),
        (["editor"], "needs an editor's name. It knows neovim"),
    ],
)
def test_a_misspelling_suggests_the_likely_command(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.out == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_ctrl_c_ends_a_command_without_a_traceback() -> None:
    waits = "def run(_): print('up', flush=True); time.sleep(60)"
    program = f"import time, dgls.cli.main as m\n{waits}\nm.run = run; m.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (INTERRUPTED, "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
def test_a_closed_pipe_ends_a_command_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_piped_output_has_no_colours(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    for arguments in (["--help"], ["fill", "--help"], ["stats"]):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, env=environment)
        assert done.returncode == 0
        assert b"\x1b" not in done.stdout + done.stderr


def test_the_counts_as_json() -> None:
    counts = {Kind("python", 100.0): Count(3, 2, 1), Kind("python", float("inf")): Count(1)}
    assert json.loads(stats_json(counts)) == [
        {"language": "python", "within_ms": 100.0, "shown": 3, "accepted": 2, "kept": 1},
        {"language": "python", "within_ms": None, "shown": 1, "accepted": 0, "kept": 0},
    ]


COMPLETED = [
    ("dgls fi", "fill"),
    ("dgls eval cu", "cut"),
    ("dgls fill a.py --js", "--json"),
    ("dgls completion z", "zsh"),
    ("dgls lsp --st", "--stdio"),
    ("dgls editor ne", "neovim"),
    ("dgls editor neovim --ch", "--check"),
]


@pytest.mark.parametrize(("line", "completed"), COMPLETED)
def test_bash_completes(tmp_path: Path, line: str, completed: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    words = line.split()
    file = tmp_path / "completion.bash"
    asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _dgls"
    file.write_text(f'{script(Shell.BASH)}\n{asked}\necho "${{COMPREPLY[@]}}"\n')
    done = subprocess.run(["bash", str(file)], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (completed, "")


@pytest.mark.parametrize(("line", "completed"), COMPLETED)
def test_fish_completes(tmp_path: Path, line: str, completed: str) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    file = tmp_path / "completion.fish"
    file.write_text(f"{script(Shell.FISH)}\ncomplete -C '{line}'\n")
    done = subprocess.run(["fish", "-N", str(file)], capture_output=True, text=True, check=True)
    assert completed in [row.split("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(("line", "completed"), COMPLETED)
def test_zsh_completes(tmp_path: Path, line: str, completed: str) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    words = line.split()
    file = tmp_path / "completion.zsh"
    # zsh's line editor needs a terminal; the script uses only these two functions of it.
    editor = "compdef() { : }\ncompadd() { print -l -- $@ }\n"
    asked = f"words=({line}) CURRENT={len(words)} PREFIX={words[-1]}; _dgls"
    file.write_text(f"{editor}{script(Shell.ZSH)}\n{asked}\n")
    done = subprocess.run(["zsh", "-f", str(file)], capture_output=True, text=True, check=True)
    assert completed in done.stdout.splitlines()


@pytest.mark.parametrize("arguments", [["fill", "a.py:1", "--select"], ["serve", "--port"]])
def test_an_option_without_its_value_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told == (
        f"dgls: Option '{arguments[-1]}' requires an argument. Nothing was done; dgls COMMAND "
        "--help lists its arguments.\n"
    )
