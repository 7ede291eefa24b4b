"""The changes in an edited line, as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from dgls.edits.hunk import Hunk
from dgls.text.lines import split_lines
from dgls.text.spans import Span

_TOKEN = re.compile(r"\w+|[ \t]+|[^\w \t]")
NAME = re.compile(r"[^\W\d]\w*\Z")


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens `old` that became `new`; `span` is that of `new` in the present text.

    `left` and `right` are the numbers of tokens of the old line before and after it.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    span: Span
    left: int
    right: int

    @property
    def is_rename(self) -> bool:
        """Whether it replaces one name by another."""
        both = (*self.old, *self.new)
        return len(self.old) == len(self.new) == 1 and all(map(NAME.match, both))


@dataclass(frozen=True, slots=True)
class LineChange:
    """One edited line: its old tokens and the changed runs."""

    old: tuple[str, ...]
    runs: tuple[Run, ...]
    span: Span


@lru_cache(maxsize=20_000)
def tokens(line: str) -> tuple[str, ...]:
    """Words, runs of white space, and single punctuation characters."""
    return tuple(_TOKEN.findall(line.rstrip("\r\n")))


def line_changes(text: str, hunk: Hunk) -> Iterator[LineChange]:
    """The changed lines of a hunk that has as many lines as before."""
    old, new = split_lines(hunk.before), split_lines(hunk.after(text), keepends=True)
    if len(old) != len(new):
        return
    start = hunk.span.start
    for was, now in zip(old, new, strict=True):
        before, after = tokens(was), tokens(now)
        if before != after:
            yield LineChange(
                before, tuple(_runs(before, after, start)), Span(start, start + len(now))
            )
        start += len(now)


def similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """The similarity of two lines, 0 to 1, ignoring leading white space."""
    one, other = _unindented(one), _unindented(other)
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _unindented(line: Sequence[str]) -> Sequence[str]:
    return line[1:] if line and line[0].isspace() else line


def _runs(old: tuple[str, ...], new: tuple[str, ...], start: int) -> Iterator[Run]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            at = start + len("".join(new[:j1]))
            span = Span(at, at + len("".join(new[j1:j2])))
            yield Run(old[i1:i2], new[j1:j2], span, i1, len(old) - i2)
