"""Places where somebody types and the laptop model is plainly sure of what comes next."""

from __future__ import annotations

from dataclasses import dataclass

STATISTICS = '''"""Statistics of a series of numbers."""

import math


def mean(values):
    """Return the arithmetic mean of the values."""
    return sum(values) / len(values)


def spread(values):
    """Return the largest value less the smallest one."""
    return max(values) - min(values)


def deviation(values):
    """Return the standard deviation of the values."""
    middle = mean(values)
    squares = [(value - middle) ** 2 for value in values]
    return math.sqrt(sum(squares) / len(values))
'''


@dataclass(frozen=True, slots=True)
class Place:
    """The rest of a line of `STATISTICS`: what is typed of it, and what is suggested then.

    `line` is where the typing begins, counted from 1, and `before` the file at that moment. A
    `typed` line end stands for Enter: the editor indents the line that it begins. `closed` is what
    the editor puts after the cursor by itself, as each bracket is closed.
    """

    name: str
    before: str
    line: int
    typed: str
    suggested: str
    closed: str = ""


def _place(name: str, head: str, typed: str, suggested: str, closed: str = "") -> Place:
    """The place after `head`, which `STATISTICS` has once."""
    gone = typed.replace("\n", "\n    ") + suggested + closed
    start = STATISTICS.index(head + gone) + len(head)
    assert STATISTICS.count(head + gone) == 1, name
    before = STATISTICS[:start] + STATISTICS[start + len(gone) :]
    return Place(name, before, 1 + before[:start].count("\n"), typed, suggested, closed)


IN_A_LINE = _place(
    "in a line", 'mean of the values."""\n', "    return su", "m(values) / len(values)"
)
AFTER_ENTER = _place(
    "after Enter", 'less the smallest one."""', "\n", "return max(values) - min(values)"
)
IN_BRACKETS = _place("in brackets", "    middle = ", "mean(", "values", ")")
PLACES = (IN_A_LINE, AFTER_ENTER, IN_BRACKETS)
