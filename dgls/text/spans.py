"""Spans of a text, edits of it, and how edits move spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgls.errors import PositionError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of code points, `start <= end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise PositionError(f"Not a span: {self.start} to {self.end}.")

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """The part of `text` that the span covers."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `span` of the old text by `text`."""

    span: Span
    text: str


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after `edits`, whose spans refer to `text`. Raises `PositionError` on overlap."""
    ordered = sorted(edits, key=lambda edit: edit.span)
    pieces: list[str] = []
    done = 0
    for edit in ordered:
        if edit.span.start < done or edit.span.end > len(text):
            raise PositionError("Edits overlap or leave the text; nothing was changed.")
        pieces += [text[done : edit.span.start], edit.text]
        done = edit.span.end
    return "".join([*pieces, text[done:]])


def moved_spans(edits: Sequence[Edit]) -> tuple[Span, ...]:
    """The span of each edit's new text after all edits, in the order of the edits."""
    moved: dict[int, Span] = {}
    shift = 0
    for index in sorted(range(len(edits)), key=lambda index: edits[index].span):
        span, text = edits[index].span, edits[index].text
        moved[index] = Span(span.start + shift, span.start + shift + len(text))
        shift += len(text) - len(span)
    return tuple(moved[index] for index in range(len(edits)))


def split_at(text: str, spans: Sequence[Span]) -> tuple[str, ...]:
    """The parts of `text` around ordered, disjoint `spans`: one more part than spans."""
    parts: list[str] = []
    done = 0
    for span in spans:
        if span.start < done or span.end > len(text):
            raise PositionError("Gaps overlap or leave the text; nothing was changed.")
        parts.append(text[done : span.start])
        done = span.end
    return (*parts, text[done:])


def anchored_start(length: int, budget: int, hop: int | None = None) -> int:
    """Where to cut a text of `length` so that at most `budget` of its end remains.

    The cut moves in hops, by default of half the budget. A text that grows at its end therefore
    keeps its start, and every cached token, until the next hop.
    """
    if length <= budget:
        return 0
    hop = max(1, budget // 2 if hop is None else hop)
    return -(-(length - budget) // hop) * hop
