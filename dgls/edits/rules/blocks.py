"""Several lines changed together: the same lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from dgls.edits.change import similarity, tokens
from dgls.edits.hunk import Hunk
from dgls.edits.state import Offer, State
from dgls.edits.tree import begins_in_text
from dgls.text.lines import split_lines
from dgls.text.spans import Span

_FEWEST = 5
"""The fewest tokens of the old lines, and the lowest similarity, for which one edit suffices."""
_ALIKE = 0.75


@dataclass(frozen=True, slots=True)
class _Rewrite:
    """Lines without the first one's indentation, before and after the edit."""

    old: tuple[str, ...]
    new: tuple[str, ...]


def same_lines(state: State) -> Iterator[Offer]:
    """Lines equal to those that an edit replaced by more or fewer lines.

    An insertion is recognized by the lines before and after it. A deletion gives no offers. After
    an edit of code only code is considered, after one of a string or a comment only those.
    """
    found = [each for hunk in state.hunks if (each := _rewrite(state.text, hunk))]
    fresh = {each: hunk for hunk in state.last_hunks if (each := _rewrite(state.text, hunk))}
    for rewrite, hunk in fresh.items():
        if found.count(rewrite) < 2 and not _is_plain(rewrite, hunk):
            continue
        if len({each.new for each in found if each.old == rewrite.old}) > 1:
            continue
        number = state.text.count("\n", 0, hunk.span.start) + 1
        for span, text in _places(state, rewrite, _is_text(state, hunk.span)):
            yield Offer(span, text, "lines", f"same edit as in line {number}")


def _is_plain(rewrite: _Rewrite, hunk: Hunk) -> bool:
    """Whether long lines changed a little, for which one edit is enough evidence."""
    old, new = _signs(rewrite.old), _signs(rewrite.new)
    return bool(hunk.before) and len(old) >= _FEWEST and similarity(old, new) >= _ALIKE


def _signs(lines: Iterable[str]) -> list[str]:
    """The tokens of lines, without white space."""
    return [token for line in lines for token in tokens(line) if not token.isspace()]


def _rewrite(text: str, hunk: Hunk) -> _Rewrite | None:
    """An edit of whole lines; None if it replaced a single line, or changed only comments."""
    old, new = split_lines(hunk.before), split_lines(hunk.after(text))
    changed = [line for line in (*old, *new) if line.strip() and not line.lstrip().startswith("#")]
    if len(old) == len(new) == 1 or not any(map(str.strip, new)) or not changed:
        return None
    if not old:
        above = split_lines(text[: hunk.span.start])[-1:]
        below = split_lines(text[hunk.span.end :].split("\n", 1)[0])[:1]
        old, new = [*above, *below], [*above, *new, *below]
        if len(old) < 2 or not all(map(str.strip, old)):
            return None
    width = len(old[0]) - len(old[0].lstrip())
    if not old[0].strip() or any(each[:width].strip() for each in (*old, *new)):
        return None
    return _Rewrite(tuple(each[width:] for each in old), tuple(each[width:] for each in new))


def _is_text(state: State, span: Span) -> bool:
    """Whether the first line with text in a span begins in a string or a comment."""
    lines = span.of(state.text)
    return begins_in_text(state.source, span.start + len(lines) - len(lines.lstrip()))


def _places(state: State, rewrite: _Rewrite, is_text: bool) -> Iterator[tuple[Span, str]]:
    """Where the old lines occur, with the new lines indented to match."""
    lines = [each for each in split_lines(state.text, keepends=True) if each.endswith("\n")]
    starts = [0, *accumulate(map(len, lines))]
    count = len(rewrite.old)
    for at, first in enumerate(lines[: len(lines) - count + 1]):
        if first.strip() != rewrite.old[0].rstrip():
            continue
        ahead = first[: len(first) - len(first.lstrip())]
        end = first[len(first.rstrip("\r\n")) :]
        old, new = (_indented(part, ahead) for part in (rewrite.old, rewrite.new))
        span = Span(starts[at], starts[at + count])
        is_free = not any(
            each.span.start < span.end and span.start < each.span.end for each in state.hunks
        )
        is_alike = [each.rstrip("\r\n") for each in lines[at : at + count]] == old
        if is_free and is_alike and _is_text(state, span) == is_text:
            yield _trimmed(span, old, new, end)


def _indented(lines: tuple[str, ...], ahead: str) -> list[str]:
    return [ahead + each if each else "" for each in lines]


def _trimmed(span: Span, old: list[str], new: list[str], end: str) -> tuple[Span, str]:
    """The edit without equal lines at its ends."""
    start, stop = span.start, span.end
    while old and new and old[0] == new[0]:
        start += len(old[0]) + len(end)
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        stop -= len(old[-1]) + len(end)
        old, new = old[:-1], new[:-1]
    return Span(start, stop), "".join(line + end for line in new)
