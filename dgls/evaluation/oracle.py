"""A model that is told how many tokens each gap has: how much is lost by not knowing the length.

Each gap keeps as many open slots as its truth has tokens; behind them end-of-gap and padding are
pinned, as in a canvas of the training. End-of-gap and padding, and line breaks in gaps of one line,
cannot be written into the slots, neither causally nor by denoising, and the judge no longer counts
the end. A truth with more tokens than a gap has slots gets all the slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from torch import Tensor

from dgls.canvas.types import Canvas, Layout, Lengths
from dgls.inference.model import Model
from dgls.network.interface import Network
from dgls.network.past import Past
from dgls.protocol import FillRequest
from dgls.text import Span


def endless(model: Model, *, one_line: bool) -> Model:
    """The model without end-of-gap and padding; `with_known_lengths` needs it, once a run.

    With `one_line` it writes no line break either, because that would end a gap of one line.
    """
    breaks = (token for token in range(model.codec.size) if "\n" in model.codec.decode([token]))
    barred = (model.end, model.pad, *(breaks if one_line else ()))
    return Model(_Endless(model.network, barred), model.codec, model.metadata)


def with_known_lengths(endless: Model, lengths: Sequence[int]) -> Model:
    """An `endless` model for one case, whose truth has `lengths` tokens in its gaps.

    It shares the encoded prompts with `endless`.
    """
    told = copy(endless)
    told.layout = _KnownLengths(endless.layout, tuple(lengths), endless.end, endless.pad)
    return told


class _Endless:
    """A network that never writes the `barred` tokens."""

    def __init__(self, inner: Network, barred: Sequence[int]) -> None:
        self._inner = inner
        self._barred = list(barred)
        self.vocabulary = inner.vocabulary
        self.device = inner.device
        self.dtype = inner.dtype

    def extend(self, tokens: Tensor, past: Past | None) -> tuple[Tensor, Past]:
        return self._inner.extend(tokens, past)

    def canvas(self, tokens: Tensor, past: Past, conditioning: Tensor | None) -> Tensor:
        return self._without(self._inner.canvas(tokens, past, conditioning))

    def unembed(self, states: Tensor) -> Tensor:
        return self._without(self._inner.unembed(states))

    def _without(self, logits: Tensor) -> Tensor:
        logits = logits.clone()
        # Far below every logit, but finite: 0 times minus infinity in an entropy is not a number.
        logits[..., self._barred] = -1e4
        return logits


@dataclass(frozen=True, slots=True)
class _KnownLengths:
    """The layout, with each gap pinned behind its length."""

    inner: Layout
    lengths: tuple[int, ...]
    end: int
    pad: int

    def build(self, request: FillRequest) -> Canvas:
        canvas = self.inner.build(request)
        tokens, pinned = list(canvas.tokens), list(canvas.pinned)
        gaps: list[Span] = []
        # A request for one gap out of several is laid out for its prompt alone; whose length
        # its canvas gets does not matter.
        for gap, length in zip(canvas.gaps, self.lengths, strict=False):
            kept = Span(gap.start, gap.start + max(1, min(length, len(gap))))
            for index in range(kept.end, gap.end):
                tokens[index] = self.end if index == kept.end else self.pad
                pinned[index] = True
            gaps.append(kept)
        return Canvas(canvas.prompt, tuple(tokens), tuple(pinned), tuple(gaps), canvas.seeded)

    def canvases(self, request: FillRequest, lengths: Lengths) -> tuple[Canvas, ...]:
        return (self.build(request),)

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        return self.inner.texts(canvas, tokens)

    def target(self, texts: Sequence[str]) -> tuple[int, ...]:
        # Nothing at all must have a score too: that of an end that cannot be, below any other.
        target = self.inner.target(texts)
        return target[:-1] or target
