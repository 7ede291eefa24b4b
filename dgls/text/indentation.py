"""The white space that begins lines, and one level of it, as a text has it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

USUAL_UNIT = "    "
"""One level of indentation where a file shows none."""

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)

WIDTHS = (4, 2, 8, 3)
"""The usual widths of a level in columns, the likeliest first."""


def indentation(line: str) -> str:
    """The white space that begins the line."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def unit_of(text: str) -> str | None:
    """One level of indentation: a tab, or spaces, as most of the lines have it."""
    indents = [match[1] for match in _INDENTED.finditer(text)]
    tabs = sum(indent.startswith("\t") for indent in indents)
    if tabs and 2 * tabs >= len(indents):
        return "\t"
    deep = [len(indent) for indent in indents if not indent.startswith("\t") and len(indent) >= 2]
    if not deep:
        return None
    steps = Counter(step for step in _steps(text) if step in WIDTHS)
    return " " * (steps.most_common(1)[0][0] if steps else min(deep))


def _steps(text: str) -> list[int]:
    """By how many columns lines are indented more than the line above."""
    widths = [
        len(indentation(line)) for line in text.split("\n") if line.strip() and line[0] != "\t"
    ]
    return [deeper - outer for outer, deeper in pairwise(widths)]
