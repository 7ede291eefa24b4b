"""The examples work as described, with a model that has memorized their file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.editors.home import BY_HEART, ROOT, engine_environment

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_fills(example: Path, tmp_path: Path) -> None:
    environment = {**os.environ, **engine_environment(tmp_path / "e"), **BY_HEART}
    done = subprocess.run(
        [sys.executable, str(example)],
        env={**environment, "DGLS_ENGINE_IDLE_SECONDS": "1"},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "side * side" in done.stdout


def test_the_editor_has_forty_lines() -> None:
    text = (ROOT / "examples" / "editor.py").read_text(encoding="utf-8").split('"""')[2]
    assert len([line for line in text.splitlines() if line.strip()]) <= 40
