"""An import whose last use went, read line by line: for languages other than Python."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.edits.state import Offer, State
from dgls.text.spans import Span

LINES = {
    "typescript": re.compile(r"(?m)^import (?:\{ (?P<name>\w+) \}|(?P<from>\w+)) from .*\n"),
    "rust": re.compile(r"(?m)^use (?:\w+::)+(?P<name>\w+);[ \t]*\n"),
    "go": re.compile(r'(?m)^(?:import )?\s*"(?:[\w./-]+/)?(?P<name>\w+)"[ \t]*\n'),
}
_NAMES = re.compile(r"[^\W\d]\w*")


def unused_line(state: State, pattern: re.Pattern[str]) -> Iterator[Offer]:
    """The line that a pattern finds, which imports a name that an edit took the last use of."""
    gone = words_gone(state)
    for found in pattern.finditer(state.text) if gone else ():
        name = found["name"] or found["from"]
        if name in gone and count(state.text, name) == count(found[0], name):
            yield Offer(Span(*found.span()), "", "import", f"`{name}` is no longer used")


def words_gone(state: State) -> set[str]:
    """The words that the edits have taken out of the lines that they changed."""
    return {
        name
        for hunk in state.hunks
        for name in set(_NAMES.findall(hunk.before)) - set(_NAMES.findall(hunk.after(state.text)))
    }


def count(text: str, name: str) -> int:
    """How often a word is in a text."""
    return len(re.findall(rf"\b{name}\b", text))
