"""Gaps cut from this repository's own sources, always the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

from dgls.protocol import FillRequest

ROOT = Path(__file__).parents[2]
_SOURCES = (
    "dgls/text/lines.py",
    "dgls/protocol.py",
    "dgls/file_lock.py",
    "dgls/network/hardware.py",
)
_BEFORE, _AFTER = 1000, 400


@dataclass(frozen=True)
class CutGap:
    """The end of a line, and the text around it."""

    request: FillRequest
    truth: str


def cut_gaps(count: int) -> list[CutGap]:
    """`count` ends of lines, each starting at the beginning of a word."""
    random, found = Random(0), []
    while len(found) < count:
        text = (ROOT / random.choice(_SOURCES)).read_text(encoding="utf-8")
        line = random.choice([each for each in text.split("\n") if len(each.split()) > 2])
        start = text.index(line)
        words = [i for i in range(1, len(line)) if line[i - 1] == " " and line[i] != " "]
        cut, end = start + random.choice(words), start + len(line)
        around = text[max(0, cut - _BEFORE) : cut], text[end : end + _AFTER]
        found.append(CutGap(FillRequest(around, path="source.py"), text[cut:end]))
    return found
