"""The leading white space of lines, and the unit of indentation in a text."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise, takewhile

USUAL_UNIT = "    "
"""One level of indentation in a file that shows none."""

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)

WIDTHS = (4, 2, 8, 3)
"""The usual widths of a level in columns, the likeliest first."""


def indentation(line: str) -> str:
    """The white space that begins the line."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def columns(indent: str) -> int:
    """The width of an indentation, with a tab stop every eight columns."""
    return len(indent.expandtabs(8))


def unit_of(text: str) -> str | None:
    """One level of indentation: a tab, or spaces, as in most lines; None if no line shows it."""
    indents = [match[1] for match in _INDENTED.finditer(text)]
    tabs = sum(indent.startswith("\t") for indent in indents)
    if tabs and 2 * tabs >= len(indents):
        return "\t"
    deep = [len(indent) for indent in indents if not indent.startswith("\t") and len(indent) >= 2]
    if not deep:
        return None
    steps = Counter(step for step in _steps(text) if step in WIDTHS)
    step = steps.most_common(1)[0][0] if steps else min(deep)
    # Parameters below a header are often two levels deeper.
    other = sum(each % step > 0 for each in deep)
    return " " * (step if 2 * other < len(deep) else min(deep))


def own_unit(before: str, after: str) -> str | None:
    """The unit of a block that was pasted between two texts, if it differs from theirs.

    The block is the indented lines around the place where the texts meet. None if they mix tabs and
    spaces, or may be in the unit of the whole text.
    """
    above = takewhile(_is_inside, reversed(before.split("\n")))
    below = takewhile(_is_inside, after.split("\n")[1:])
    indents = [indent for indent in map(indentation, (*above, *below)) if indent]
    tabs = {indent[0] for indent in indents} == {"\t"}
    if tabs or not indents or any("\t" in indent for indent in indents):
        return "\t" if tabs else None
    usual, least = unit_of(before + after), min(map(len, indents))
    # Lines that are no multiple of the unit continue the line above.
    fits = usual not in {None, "\t"} and least % len(usual or "") == 0
    return None if fits or least not in WIDTHS or len(indents) < 2 else " " * least


def _is_inside(line: str) -> bool:
    return not line.strip() or line[0] in " \t"


def _steps(text: str) -> list[int]:
    """How many columns deeper than the line above each deeper line is."""
    widths = [
        len(indentation(line)) for line in text.split("\n") if line.strip() and line[0] != "\t"
    ]
    return [deeper - outer for outer, deeper in pairwise(widths)]
