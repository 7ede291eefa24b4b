"""Brackets and quotes around a gap: which of a fill's closers close anything."""

from __future__ import annotations

from collections.abc import Iterator

from dgls.policy.words import first_line, last_line

CLOSERS = {")": "(", "]": "[", "}": "{"}
QUOTES = "\"'"
# Brackets are matched within this many characters around the cursor.
_NEAR = 2_000


def flaws(before: str, text: str, after: str) -> int:
    """How many brackets close nothing, and whether quotes stay open on the cursor's line."""
    before, after = before[-_NEAR:], after[:_NEAR]
    open_brackets: list[str] = []
    wrong = 0
    for char in before + text + after:
        if char in CLOSERS.values():
            open_brackets.append(char)
        elif char in CLOSERS:
            if open_brackets and open_brackets[-1] == CLOSERS[char]:
                open_brackets.pop()
            else:
                wrong += 1
    line = last_line(before) + text + first_line(after)
    return wrong + sum(line.count(quote) % 2 for quote in QUOTES)


def without_stray_closers(text: str, prefix: str) -> str:
    """The text up to its first bracket that closes nothing.

    Where the prefix is longer than what is looked at, a bracket may close one further up, and
    only one of another kind than the innermost open one is stray.
    """
    before = prefix[-_NEAR:]
    open_brackets: list[str] = []
    for _, char in _brackets(before):
        if char not in CLOSERS:
            open_brackets.append(char)
        elif open_brackets and open_brackets[-1] == CLOSERS[char]:
            open_brackets.pop()
    knows_all = len(prefix) <= _NEAR
    for at, char in _brackets(text):
        if char not in CLOSERS:
            open_brackets.append(char)
        elif open_brackets:
            if open_brackets.pop() != CLOSERS[char]:
                return text[:at]
        elif knows_all:
            return text[:at]
    return text


def _brackets(text: str) -> Iterator[tuple[int, str]]:
    """The brackets outside of strings, each with its place. A quote without a partner on its
    line is no string."""
    at = 0
    while at < len(text):
        char = text[at]
        if char in QUOTES:
            at = _string_end(text, at)
        elif char in CLOSERS or char in CLOSERS.values():
            yield at, char
        at += 1


def _string_end(text: str, start: int) -> int:
    """Where the string that begins at `start` ends, `start` itself where it ends on no quote."""
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 1
        elif text[at] == text[start]:
            return at
        at += 1
    return start
