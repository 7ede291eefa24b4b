"""A test's own programs on the PATH."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def script(home: Path, name: str, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's own program on the PATH."""
    path = home / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    if not os.environ["PATH"].startswith(str(path.parent)):
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
