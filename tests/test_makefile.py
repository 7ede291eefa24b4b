"""What `make` says, and leaves, where Python cannot make the environment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _make(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """`make try` with a Python that is the script `python`, in an environment of its own."""
    program = folder / "python3"
    program.write_text(f"#!/bin/sh\n{python}\n", encoding="utf-8")
    program.chmod(0o755)
    command = ["make", "try", f"PYTHON={program}", f"VENV={folder / 'venv'}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_an_old_python_is_reported_and_makes_nothing(tmp_path: Path) -> None:
    made = _make(tmp_path, 'case "$1" in --version) echo Python 3.10.13;; *) exit 1;; esac')
    assert made.returncode != 0
    assert "3.11 or newer" in made.stdout
    assert "Python 3.10.13" in made.stdout
    assert "make try PYTHON=" in made.stdout
    assert not (tmp_path / "venv").exists()


def test_a_partial_environment_is_made_again(tmp_path: Path) -> None:
    begin = 'mkdir -p "$3/bin"; touch "$3/bin/python" "$3/bin/python3"; exit 1'
    made = _make(tmp_path, f'case "$1" in -m) {begin};; esac')
    assert made.returncode != 0
    assert not list((tmp_path / "venv" / "bin").glob("python*"))
