"""The indentation of a fill as that of its file: tabs or spaces."""

from __future__ import annotations

import re

from dgls.text import indentation

_INDENTED = re.compile(r"^([ \t]+)\S", re.MULTILINE)


def indented_alike(fill: str, text: str, *, from_line_start: bool) -> str:
    """The fill with its lines indented by the unit of `text`, level by level.

    The first line is one of them only where it begins at the line's start. A text without
    indented lines, and a fill that has the text's own unit, leave the fill as it is.
    """
    wanted = unit_of(text)
    indents = [match[1] for match in _INDENTED.finditer(fill)]
    if wanted is None or not indents or ("\t" in wanted) == ("\t" in "".join(indents)):
        return fill
    # A fill may show its deeper levels alone, so its unit is guessed from what divides them all.
    own = 4 if all(len(indent) % 4 == 0 for indent in indents) else 2
    first, *others = fill.split("\n")
    if from_line_start:
        first = _reindented(first, own, wanted)
    return "\n".join([first, *(_reindented(line, own, wanted) for line in others)])


def unit_of(text: str) -> str | None:
    """One level of indentation: a tab, or the fewest spaces that a line begins with."""
    spaces: list[int] = []
    for match in _INDENTED.finditer(text):
        if match[1].startswith("\t"):
            return "\t"
        spaces.append(len(match[1]))
    deep = [width for width in spaces if width >= 2]
    return " " * min(deep) if deep else None


def _reindented(line: str, own: int, wanted: str) -> str:
    """The line with its indentation, whose levels take `own` columns, in levels of `wanted`."""
    white = indentation(line)
    levels, rest = divmod(len(white.expandtabs(own)), own)
    return wanted * levels + " " * rest + line[len(white) :]
