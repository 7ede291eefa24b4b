"""The home and the `dgls` on the PATH of an editor that a test starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BY_HEART = {"DGLS_ENGINE_BACKEND": "tests.editors.backend:oracle"}
"""The environment of the model that has memorized a file."""

START = "from dgls.cli.main import main; main()"


def own_home(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with the test's own home and `dgls` on the PATH."""
    write_program(folder / "bin" / "dgls")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DGLS_")}
    homes = {
        f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    path = f"{folder / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, **homes, "HOME": str(folder), "PATH": path, **environment}


def engine_environment(folder: Path) -> dict[str, str]:
    """Variables that make an editor's `dgls` this checkout's, with its engine in a test folder."""
    return {
        "PYTHONPATH": str(ROOT),
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_ENGINE_START_SECONDS": "60",
    }


def write_program(program: Path) -> None:
    """Write a `dgls` that is this checkout's."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{START}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
