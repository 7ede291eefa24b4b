"""Where a fill ends whose gap is followed by a closing bracket."""

from __future__ import annotations

_OPENING, _CLOSING = "([{", ")]}"
_QUOTES = "\"'"


def within_brackets(text: str, tail: str) -> str:
    """The text up to the bracket that closes what was opened before it, if `tail` closes that too.

    `tail` is what stands behind the gap on its line. A bracket that is open at the gap closes
    once, and where the line goes on with a closing bracket it is that one.
    """
    if tail.lstrip()[:1] not in tuple(_CLOSING):
        return text
    end = first_unopened(text)
    return text if end is None else text[:end]


def first_unopened(text: str) -> int | None:
    """Where the first bracket stands, outside of quotes, that closes what `text` did not open."""
    depth, quote, skipped = 0, "", False
    for index, character in enumerate(text):
        if skipped or (quote and character not in (quote, "\\")):
            skipped = False
        elif quote:
            skipped = character == "\\"
            quote = quote if skipped else ""
        elif character in _QUOTES:
            quote = character
        else:
            depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return index
    return None
