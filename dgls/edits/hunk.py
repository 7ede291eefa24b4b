"""Recent edits as line hunks: joined while the user types, dropped when undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgls.text.lines import split_lines
from dgls.text.spans import Edit, Span

MAX_HUNKS = 16
"""The most edits that are remembered of one document."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Edited whole lines: `span` in the present text, and their old text `before`."""

    span: Span
    before: str

    def after(self, text: str) -> str:
        """The present text of the lines."""
        return self.span.of(text)


def remembered(hunks: Sequence[Hunk], text: str, edit: Edit) -> tuple[Hunk, ...]:
    """The hunks after `edit` of `text`, the newest last.

    An edit of lines that a hunk has joins that hunk; one that restores its old lines drops it.
    """
    return followed(hunks, text, edit)[0]


def followed(
    hunks: Sequence[Hunk], text: str, edit: Edit
) -> tuple[tuple[Hunk, ...], tuple[tuple[str, str], ...]]:
    """The result of `remembered`, and the lines before and after each change that `edit` undoes."""
    region = _whole_lines(text, edit.span)
    joined = [hunk for hunk in hunks if _touch(hunk.span, region, len(text))]
    for hunk in joined:
        region = Span(min(region.start, hunk.span.start), max(region.end, hunk.span.end))
    before = _restored(text, region, joined)
    grown = len(edit.text) - len(edit.span)
    now = text[: edit.span.start] + edit.text + text[edit.span.end :]
    newest = _trimmed(now, Span(region.start, region.end + grown), before)
    kept = [_moved(hunk, region.end, grown) for hunk in hunks if hunk not in joined]
    undone = () if newest else tuple((hunk.before, hunk.after(text)) for hunk in joined)
    return (*kept, *newest)[-MAX_HUNKS:], undone


def changed_lines(text: str, edit: Edit) -> tuple[str, str]:
    """The lines that `edit` would change, before and after."""
    now = text[: edit.span.start] + edit.text + text[edit.span.end :]
    for hunk in remembered((), text, edit):
        return hunk.before, hunk.after(now)
    return "", ""


def _whole_lines(text: str, span: Span) -> Span:
    end = text.find("\n", span.end)
    return Span(text.rfind("\n", 0, span.start) + 1, len(text) if end < 0 else end + 1)


def _touch(one: Span, other: Span, end: int) -> bool:
    if one.start == one.end:
        return other.start <= one.start < other.end or one.start == other.end == end
    return one.start < other.end and other.start < one.end


def _restored(text: str, region: Span, hunks: Sequence[Hunk]) -> str:
    """The region as it was before its hunks."""
    pieces, done = [], region.start
    for hunk in sorted(hunks, key=lambda hunk: hunk.span):
        pieces += [text[done : hunk.span.start], hunk.before]
        done = hunk.span.end
    return "".join([*pieces, text[done : region.end]])


def _trimmed(text: str, span: Span, before: str) -> list[Hunk]:
    """The hunk without equal lines at its ends; empty if nothing is left."""
    old, new = (split_lines(each, keepends=True) for each in (before, span.of(text)))
    start, end = span.start, span.end
    while old and new and old[0] == new[0]:
        start += len(new[0])
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        end -= len(new[-1])
        old, new = old[:-1], new[:-1]
    return [Hunk(Span(start, end), "".join(old))] if old or new else []


def _moved(hunk: Hunk, end: int, grown: int) -> Hunk:
    if hunk.span.start < end:
        return hunk
    return Hunk(Span(hunk.span.start + grown, hunk.span.end + grown), hunk.before)
