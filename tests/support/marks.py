"""Texts with marks in them: `⟦` and `⟧` enclose a span, `⟦⟧` is a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.text.spans import Span

OPEN, CLOSE = "⟦", "⟧"


def read_marks(marked: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its marks, and the spans that they enclose."""
    text, spans = "", []
    for index, piece in enumerate(marked.split(OPEN)):
        if index == 0:
            text = piece
            continue
        inside, closed, after = piece.partition(CLOSE)
        assert closed, f"A mark is not closed in {marked!r}."
        spans.append(Span(len(text), len(text) + len(inside)))
        text += inside + after
    return text, tuple(spans)


def show_marks(text: str, spans: Sequence[Span]) -> str:
    """The text with marks around ordered, disjoint spans."""
    for span in sorted(spans, reverse=True):
        marked = OPEN + span.of(text) + CLOSE
        text = text[: span.start] + marked + text[span.end :]
    return text


def cursor_of(marked: str) -> tuple[str, int]:
    """The text without its one cursor mark, and where the cursor is."""
    text, (span,) = read_marks(marked)
    assert len(span) == 0, f"A cursor was expected, not a span, in {marked!r}."
    return text, span.start
