"""The white space that begins lines, and one level of it, as a text has it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise, takewhile

USUAL_UNIT = "    "
"""One level of indentation where a file shows none."""

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)

WIDTHS = (4, 2, 8, 3)
"""The usual widths of a level in columns, the likeliest first."""


def indentation(line: str) -> str:
    """The white space that begins the line."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def columns(indent: str) -> int:
    """How wide an indentation is, with a tab every eight columns."""
    return len(indent.expandtabs(8))


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
    step = steps.most_common(1)[0][0] if steps else min(deep)
    # Parameters below a header are often two levels deeper than it.
    other = sum(each % step > 0 for each in deep)
    return " " * (step if 2 * other < len(deep) else min(deep))


def own_unit(before: str, after: str) -> str | None:
    """One level of the block between two texts where its lines cannot be in the unit of the rest.

    Such a block was pasted. It is the indented lines around the place where the texts meet; None
    where they have tabs and spaces, or may well be in the unit of the whole text.
    """
    above = takewhile(_is_inside, reversed(before.split("\n")))
    below = takewhile(_is_inside, after.split("\n")[1:])
    indents = [indent for indent in map(indentation, (*above, *below)) if indent]
    tabs = {indent[0] for indent in indents} == {"\t"}
    if tabs or not indents or any("\t" in indent for indent in indents):
        return "\t" if tabs else None
    usual, least = unit_of(before + after), min(map(len, indents))
    # A line that is not a multiple of it goes on with the one above.
    fits = usual not in {None, "\t"} and least % len(usual or "") == 0
    return None if fits or least not in WIDTHS or len(indents) < 2 else " " * least


def _is_inside(line: str) -> bool:
    return not line.strip() or line[0] in " \t"


def _steps(text: str) -> list[int]:
    """By how many columns lines are indented more than the line above."""
    widths = [
        len(indentation(line)) for line in text.split("\n") if line.strip() and line[0] != "\t"
    ]
    return [deeper - outer for outer, deeper in pairwise(widths)]
