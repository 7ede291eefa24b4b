"""Places where a user types and the laptop model is clearly sure of what comes next."""

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
    """A place of `STATISTICS`: what is typed there, and what is suggested then.

    The typing begins after `head`, which occurs once in the file. A line end in `typed` is Enter,
    after which the editor inserts `indent`. `closed` is what the editor inserts after the cursor
    when a bracket is typed.
    """

    name: str
    head: str
    typed: str
    suggested: str
    indent: str = ""
    closed: str = ""

    @property
    def line(self) -> int:
        """The line at whose end the typing begins, counted from 1."""
        return 1 + (STATISTICS.partition(self.head)[0] + self.head).count("\n")

    @property
    def before(self) -> str:
        """The file before the typing."""
        return self.taken_from(STATISTICS)

    def taken_from(self, text: str) -> str:
        """A text without what is typed and suggested here."""
        gone = self.typed + self.indent + self.suggested + self.closed
        assert text.count(self.head + gone) == 1, f"{self.name}: not in the text"
        return text.replace(self.head + gone, self.head)


AFTER_ENTER = Place("after Enter", "self.total += value", "\n", "self.count += 1", indent=" " * 8)
AFTER_A_DOT = Place("after a dot", "as file:\n        return ", "json.", "load(file)")
IN_BRACKETS = Place("in brackets", "    middle = ", "mean(", "values", closed=")")
PLACES = (AFTER_ENTER, AFTER_A_DOT, IN_BRACKETS)
"""In the order of the file."""
