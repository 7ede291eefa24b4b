"""Spans, edits and positions in a text, all counted in code points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: `line` and `column`, both from 0, the column in code points."""

    line: int
    column: int


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


@dataclass(frozen=True)
class Lines:
    """Where the lines of a text begin. Lines end with \\n, \\r\\n or \\r, as LSP 3.18 defines."""

    text: str

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The offset of each line's first character; the last line may be empty."""
        if "\r" not in self.text:
            starts = [0]
            at = self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            return tuple(starts)
        starts = [0]
        for index, char in enumerate(self.text):
            follows_return = char == "\r" and self.text[index + 1 : index + 2] == "\n"
            if char == "\n" or (char == "\r" and not follows_return):
                starts.append(index + 1)
        return tuple(starts)

    def span(self, line: int) -> Span:
        """The line without its line ending. Raises `PositionError` for a line outside the text."""
        if not 0 <= line < len(self.starts):
            raise PositionError(
                f"Line {line + 1} is outside the text, which has {len(self.starts)} lines."
            )
        start = self.starts[line]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.text)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return Span(start, end)

    def position(self, offset: int) -> Position:
        """The line and column of an offset, `0 <= offset <= len(text)`."""
        if not 0 <= offset <= len(self.text):
            raise PositionError(f"Offset {offset} is outside the text.")
        line = bisect_right(self.starts, offset) - 1
        return Position(line, offset - self.starts[line])

    def offset(self, position: Position) -> int:
        """The offset of a line and column. Raises `PositionError` where there is no such place."""
        span = self.span(position.line)
        if not 0 <= position.column <= len(span):
            raise PositionError(
                f"Column {position.column + 1} is outside line {position.line + 1}, "
                f"which has {len(span)} characters."
            )
        return span.start + position.column


def anchored_start(length: int, budget: int) -> int:
    """Where to cut a text of `length` so that at most `budget` of its end remains.

    The cut moves in hops of half the budget, so that a text that grows at its end keeps its
    start, and with it every cached token, until the next hop.
    """
    if length <= budget:
        return 0
    hop = max(1, budget // 2)
    return -(-(length - budget) // hop) * hop
