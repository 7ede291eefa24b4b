"""The score of a fill from a denoiser that only returns log-probabilities.

A causal judge scores a fill token by token from the left. A server that only denoises cannot, and
the log-probabilities of its own last step tell little, because each token was in the input. So the
scored tokens are split into interleaved parts; for each part the canvas is read once, in one step,
with noise on the part and all other tokens in place. The score is

    sum over all scored tokens of log p(token | prompt, the rest of the canvas, noise on its part)

a pseudo-log-likelihood (Besag 1975; Salazar et al. 2020, "Masked Language Model Scoring") in
blocks. If the layout says so (`Canvas.follows`), the text after the gap is scored with the fill,
because a fill of the wrong length makes it unlikely. This makes fills of all lengths comparable.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.canvas.types import Canvas
from dgls.engine.backends.vllm_wire import CanvasRead, CanvasReply
from dgls.errors import RemoteError

PARTS = 2
"""A hidden token should see its neighbours, which hiding at most half of the canvas allows."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A canvas with a fill in it, and the positions that are scored."""

    canvas: Canvas
    tokens: tuple[int, ...]
    positions: tuple[int, ...]

    def parts(self, most: int) -> list[tuple[int, ...]]:
        """The positions in interleaved parts of at most `most` tokens each."""
        count = max(PARTS, math.ceil(len(self.positions) / most))
        found = [self.positions[start::count] for start in range(count)]
        return [part for part in found if part]


def scored(canvas: Canvas, targets: Sequence[Sequence[int]]) -> Scored:
    """`canvas` with the target of each gap in its slots, as far as it fits."""
    tokens = list(canvas.tokens)
    positions: list[int] = []
    for gap, target in zip(canvas.gaps, targets, strict=True):
        held = list(target)[: len(gap)]
        tokens[gap.start : gap.start + len(held)] = held
        positions += range(gap.start, gap.start + len(held))
    after = canvas.gaps[-1].end
    positions += range(after, min(after + len(canvas.follows), len(tokens)))
    return Scored(canvas, tuple(tokens), tuple(positions))


def reads(fill: Scored, vocabulary: int, most: int, noise: random.Random) -> list[CanvasRead]:
    """The reads whose replies `log_probs` uses. Each asks for at most `most` log-probabilities."""
    found = []
    for part in fill.parts(most):
        seed = list(fill.tokens)
        for position in part:
            seed[position] = noise.randrange(vocabulary)
        wanted = dict.fromkeys(fill.tokens[position] for position in part)
        found.append(CanvasRead(fill.canvas.prompt, tuple(seed), steps=1, wanted=tuple(wanted)))
    return found


def log_probs(fill: Scored, most: int, replies: Sequence[CanvasReply]) -> tuple[float, ...]:
    """The log-probability of each scored token in nats, in the order of the positions.

    `replies` answer the `reads` with the same `most`. Raises `RemoteError` if one lacks a token.
    """
    found: dict[int, float] = {}
    for part, reply in zip(fill.parts(most), replies, strict=True):
        for position in part:
            value = reply.asked[position].get(fill.tokens[position])
            if value is None or math.isnan(value):
                raise RemoteError(
                    "The server's answer lacks the requested log-probabilities; nothing was "
                    "filled. "
                    "Does it run vLLM 0.31 or newer with --max-logprobs 32?"
                )
            found[position] = value
    return tuple(found[position] for position in fill.positions)
