"""Places where somebody types and the laptop model is plainly sure of what comes next."""

from __future__ import annotations

from dataclasses import dataclass

NAME = "statistics.py"
STATISTICS = '''"""Statistics of a series of numbers."""

import json


class Running:
    """The mean of values that come one by one."""

    def __init__(self):
        self.total = 0
        self.count = 0

    def add(self, value):
        """Take one more value."""
        self.total += value
        self.count += 1


def load(path):
    """Return the values of a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def mean(values):
    """Return the arithmetic mean of the values."""
    return sum(values) / len(values)


def variance(values):
    """Return the mean of the squares of the differences from the mean."""
    middle = mean(values)
    return mean([(value - middle) ** 2 for value in values])
'''


@dataclass(frozen=True, slots=True)
class Place:
    """One line of `STATISTICS`: what is typed of it, and what is suggested then.

    `before` is the file without what follows, and `line` the one at whose end the typing begins,
    counted from 1. A line end in `typed` is Enter; the editor then indents. `closed` is what the
    editor puts after the cursor because a bracket was typed.
    """

    name: str
    before: str
    line: int
    typed: str
    suggested: str
    closed: str = ""


def _place(
    name: str, head: str, typed: str, suggested: str, *, indent: str = "", closed: str = ""
) -> Place:
    """The place at the end of `head`, which `STATISTICS` has once; `indent` is the editor's."""
    first, _, after = STATISTICS.partition(head)
    gone = typed + indent + suggested + closed
    assert after.startswith(gone), f"{name}: {head + gone!r} is not in the file"
    return Place(
        name=name,
        before=first + head + after.removeprefix(gone),
        line=1 + (first + head).count("\n"),
        typed=typed,
        suggested=suggested,
        closed=closed,
    )


AFTER_A_DOT = _place("after a dot", "as file:\n        return ", "json.", "load(file)")
AFTER_ENTER = _place("after Enter", "self.total += value", "\n", "self.count += 1", indent=" " * 8)
IN_BRACKETS = _place("in brackets", "    middle = ", "mean(", "values", closed=")")
PLACES = (AFTER_A_DOT, AFTER_ENTER, IN_BRACKETS)
