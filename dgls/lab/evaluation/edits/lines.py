"""Offers of whole lines beside equal lines: which of the equal lines is meant does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from dgls.edits.state import Offer, State
from dgls.text.spans import Span

_FAR = 3
"""The most lines by which an offer is moved."""


def of_the_file(state: State, offers: Sequence[Offer], left: Mapping[int, Span]) -> list[Offer]:
    """The offers for the file itself, moved to a hunk if that gives the same text."""
    return [_held(state, offer, left) for offer in offers if not offer.path]


def holds(span: Span, lines: Span) -> bool:
    """Whether lines lie within a span."""
    return span.start <= lines.start and lines.end <= span.end


def _held(state: State, offer: Offer, left: Mapping[int, Span]) -> Offer:
    held = (each for each in _alike(state.text, offer) if _is_held(left, each))
    return next(held, offer)


def _is_held(left: Mapping[int, Span], offer: Offer) -> bool:
    return any(holds(span, offer.span) for span in left.values())


def _alike(text: str, offer: Offer) -> Iterator[Offer]:
    """The offer, and offers of whole lines with the same result."""
    yield offer
    start, end = offer.span.start, offer.span.end
    moved = (offer.text or offer.span.of(text)).splitlines(keepends=True)
    begins_a_line = start == 0 or text[start - 1] == "\n"
    if (
        (offer.text and start < end)
        or not begins_a_line
        or not moved[-1:]
        or (not moved[-1].endswith("\n"))
    ):
        return
    lines = moved
    for line in reversed(text[:start].splitlines(keepends=True)[-_FAR:]):
        if line != lines[-1]:
            break
        lines, start, end = [line, *lines[:-1]], start - len(line), end - len(line)
        yield _moved(offer, Span(start, end), lines)
    lines, start, end = moved, offer.span.start, offer.span.end
    for line in text[end:].splitlines(keepends=True)[:_FAR]:
        if line != lines[0]:
            break
        lines, start, end = [*lines[1:], line], start + len(line), end + len(line)
        yield _moved(offer, Span(start, end), lines)


def _moved(offer: Offer, span: Span, lines: Sequence[str]) -> Offer:
    return replace(offer, span=span, text="".join(lines) if offer.text else "")
