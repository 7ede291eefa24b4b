"""Turns source files into training examples, in the layout of the product's requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dgls.canvas.infill import END, PAD, InfillBudget, InfillLayout
from dgls.canvas.types import Codec
from dgls.lab.training.documents import Document, Documents
from dgls.lab.training.gaps import GapOdds, draw_gaps
from dgls.text.spans import Span, split_at

_SLICE_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its gap, as token ids.

    `prompt` is encoded causally; `middle` is what the causal stream writes after it (empty for
    several gaps, which it cannot write in order). `canvas` [canvas] is the denoised target; `open`
    [canvas] are the positions to denoise; `gaps` their slots.
    """

    prompt: tuple[int, ...]
    middle: tuple[int, ...]
    canvas: tuple[int, ...]
    open: tuple[bool, ...]
    gaps: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How examples are drawn. `windows` and `widths` are in tokens; a batch has one of each."""

    windows: tuple[int, ...] = (192, 192, 256, 256, 384, 512)
    widths: tuple[int, ...] = (32, 32, 48, 64)
    path_odds: float = 0.5
    gap_odds: GapOdds = field(default_factory=GapOdds)


class ExampleSource:
    """Draws examples from documents. The same seed draws the same examples."""

    def __init__(self, documents: Documents, codec: Codec, sampling: Sampling) -> None:
        self._documents = documents
        self._codec = codec
        self._sampling = sampling
        weights = documents.weights
        self._odds = np.cumsum(weights / weights.sum())

    def batch(self, seed: str, size: int) -> list[Example]:
        """`size` examples of one canvas width, drawn with `seed`."""
        rng = random.Random(seed)
        window = rng.choice(self._sampling.windows)
        width = rng.choice(self._sampling.widths)
        examples: list[Example] = []
        while len(examples) < size:
            example = self._draw(rng, window, width)
            if example is not None:
                examples.append(example)
        return examples

    def _draw(self, rng: random.Random, window: int, width: int) -> Example | None:
        index = int(np.searchsorted(self._odds, rng.random()))
        document = _slice(self._documents[min(index, len(self._documents) - 1)], rng)
        if not document.text.strip():
            return None
        gaps = draw_gaps(document.text, rng, self._sampling.gap_odds)
        path = document.path if rng.random() < self._sampling.path_odds else ""
        budget = replace(InfillBudget(), window=window, suffix=min(112, window // 3))
        layout = InfillLayout(self._codec, budget)
        return lay_out(layout, Document(path, document.text), gaps, width, rng)


def lay_out(
    layout: InfillLayout,
    document: Document,
    gaps: Sequence[Span],
    width: int,
    rng: random.Random,
) -> Example | None:
    """The example of `gaps` in a document on a canvas of `width`; None if they do not fit."""
    text = document.text
    parts = split_at(text, gaps)
    codec = layout.codec
    pad, end = codec.token_id(PAD), codec.token_id(END)
    middles = [[*codec.encode(gap.of(text)), end] for gap in gaps]
    between = [codec.encode(part) for part in parts[1:-1]]
    used = sum(map(len, between)) + layout.budget.near_suffix
    slots = _slots([len(middle) for middle in middles], width - used, rng)
    if slots is None:
        return None
    suffix = layout.head(parts[-1], layout.budget.suffix)
    blank: list[list[int]] = [[] for _ in gaps]
    canvas, pinned, _, spans = layout.canvas(slots, blank, between, suffix, width)
    for span, middle in zip(spans, middles, strict=True):
        filled = [*middle, *[pad] * (len(span) - len(middle))]
        canvas[span.start : span.end] = filled
    prompt = layout.prompt(document.path, (), parts[0], suffix, width)
    causal = tuple(middles[0]) if len(gaps) == 1 else ()
    open_ = tuple(not pin for pin in pinned)
    return Example(tuple(prompt), causal, tuple(canvas), open_, tuple(spans))


def _slots(lengths: Sequence[int], room: int, rng: random.Random) -> list[int] | None:
    """Slots for each gap, at least its length; mostly all the room, as at inference."""
    spare = room - sum(lengths)
    if spare < 0:
        return None
    if rng.random() < 0.3:
        spare = rng.randint(0, spare)
    share, extra = divmod(spare, len(lengths))
    return [length + share + (extra if index == 0 else 0) for index, length in enumerate(lengths)]


def _slice(document: Document, rng: random.Random) -> Document:
    """The document, or a part of a long one that begins at a line start."""
    if len(document.text) <= 2 * _SLICE_CHARS:
        return document
    start = document.text.find("\n", rng.randrange(len(document.text) - _SLICE_CHARS)) + 1
    return Document(document.path, document.text[start : start + _SLICE_CHARS])
