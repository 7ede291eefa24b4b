"""CONTRIBUTING.md names existing files."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_named_file_exists() -> None:
    named = re.findall(r"`((?:dgls|tests|docs|editors|fixtures)/[\w./]*)`", TEXT)
    assert len(named) > 20
    missing = [name for name in named if "NAME" not in name and not (ROOT / name).exists()]
    assert missing == []
