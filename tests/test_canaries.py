"""No command imports a file from the folder it is run in, whatever name it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engines import ROOT

# Python imports it by its name at the start of each process, and it records other imports.
RECORDER = """
import atexit, os, sys

def note():
    with open(os.environ["RECORD_FILE"], "a") as file:
        file.write("".join(name.partition(".")[0] + "\\n" for name in list(sys.modules)))

atexit.register(note)
"""
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from dgls.cli.main import main; sys.exit(main())"
)
INITIALIZE = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
FRONT_END = ("--version", "model list", "stats", "editor zed", "completion bash", "lsp")
WITH_ENGINE = (
    *("doctor", "fill a.py:2:12", "why a.py:2:12", "serve --stop", "serve --idle 0.5"),
    "eval cut tree --count 2 --system nothing",
)
NOT_PYTHONS = {"__main__", "a", "tree", "sitecustomize"}
"""Names of the test's own; with a PYTHONPATH Python itself imports the last one at its start."""


def run(command: str, work: Path, home: Path, **environment: str) -> int:
    """The exit status of a command as a shell in `work` runs it."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DGLS"))
    }
    own = {f"XDG_{name}_HOME": str(home / name) for name in ("CONFIG", "STATE")}
    own |= {"DGLS_ENGINE_FOLDER": str(home / "e"), "DGLS_MODEL_NAME": "embedded"}
    own |= {"DGLS_ENGINE_START_SECONDS": "120"}
    head = b"Content-Length: %d\r\n\r\n" % len(INITIALIZE)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, *command.split()],
        cwd=work,
        env={**kept, **own, **environment},
        input=head + INITIALIZE if command == "lsp" else b"",
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode


def before_dgls() -> set[str]:
    """The modules that Python imports at its start, for which the shell's PYTHONPATH decides."""
    code = "import sys; print(*(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    return {"encodings", *done.stdout.split()}


def written(folder: Path) -> Path:
    """A small project."""
    (folder / "tree").mkdir(parents=True)
    (folder / "a.py").write_text("def f(a):\n    return \n")
    (folder / "tree" / "geometry.py").write_text((ROOT / "fixtures/python/geometry.py").read_text())
    return folder


def baited(folder: Path, names: set[str], trace: Path) -> Path:
    """A project whose every module leaves a trace when it is imported."""
    bait = f"open({str(trace)!r}, 'a').write(__name__ + '\\n')\n"
    for place in (".", "src", ".venv/lib/python3.11/site-packages"):
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name in names:
            (folder / place / f"{name}.py").write_text(bait)
        (folder / place / "evil.pth").write_text(f"import os; {bait}")
    (folder / ".git").mkdir()
    for place in (".", ".venv"):
        (folder / place / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (folder / "startup.py").write_text(bait)
    return folder


def check(tmp_path: Path, commands: tuple[str, ...]) -> None:
    """Run the commands beside a canary for each name that they import, in every environment."""
    home, trace, recorded = tmp_path / "home", tmp_path / "trace", tmp_path / "recorded"
    (home / "recorder").mkdir(parents=True)
    (home / "recorder" / "sitecustomize.py").write_text(RECORDER)
    work = written(tmp_path / "honest")
    own = {"RECORD_FILE": str(recorded), "PYTHONPATH": str(home / "recorder")}
    usual = [run(command, work, home, **own) for command in commands]
    names = {*recorded.read_text().split(), *sys.stdlib_module_names, "usercustomize"}
    assert {"json", "dgls", "typer"} <= names
    names = {name for name in names if name.isidentifier()} - NOT_PYTHONS - before_dgls()
    hostile = baited(written(tmp_path / "hostile"), names, trace)
    startup = {"PYTHONSTARTUP": "startup.py", "VIRTUAL_ENV": str(hostile / ".venv")}
    for environment in ({}, {"PYTHONPATH": ""}, startup, {"PYTHONPATH": "src"}):
        found = [run(command, hostile, home, **environment) for command in commands]
        assert not trace.exists(), (environment, sorted(set(trace.read_text().split())))
        assert found == usual


def test_no_front_end_command_imports_from_its_folder(tmp_path: Path) -> None:
    check(tmp_path, FRONT_END)


@pytest.mark.slow
def test_no_engine_command_imports_from_its_folder(tmp_path: Path) -> None:
    check(tmp_path, WITH_ENGINE)


def test_an_imported_canary_is_detected(tmp_path: Path) -> None:
    folder = baited(tmp_path / "p", {"json"}, tmp_path / "trace")
    subprocess.run([sys.executable, "-c", "import json"], cwd=folder, check=True)
    assert json.__name__ in (tmp_path / "trace").read_text()
