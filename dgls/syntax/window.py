"""The part of a long text that tells whether an edit breaks it."""

from __future__ import annotations

from itertools import islice

from dgls.syntax.language import Language
from dgls.text.spans import Span

WHOLE = 12_288
"""A text of up to this many characters is parsed whole, which takes about a millisecond."""

_REACH = 16_384
"""A definition may begin or end at most this many characters from the edit."""


def window(text: str, language: Language, edited: Span) -> Span:
    """The top-level definitions that `edited` touches, and the next one.

    The whole text if it is short, or has no definitions around the edit.
    """
    everything = Span(0, len(text))
    if len(text) <= WHOLE:
        return everything
    top_level, first, last = language.top_level, edited.start, edited.end
    start = _definition_above(text, language, first)
    following = top_level.finditer(text, min(len(text), last + 1), last + _REACH)
    # The next definition is included so that an error reaching into it shows.
    ends = [match.start() for match in islice(following, 2)]
    if first <= _REACH and start is None:
        start = 0
    if len(text) - last <= _REACH:
        ends = [*ends, len(text), len(text)][:2]
    if start is None or len(ends) < 2:
        return everything
    return Span(start, ends[-1])


def _definition_above(text: str, language: Language, end: int) -> int | None:
    """The start of the last top-level definition before `end`, usually a few lines up."""
    lowest, line = max(0, end - _REACH), end
    while line > lowest:
        line = text.rfind("\n", 0, line - 1) + 1
        if line >= lowest and language.top_level.match(text, line, end):
            return line
    return None
