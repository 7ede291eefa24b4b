"""What a denoise step asks of a model: the token at each position and its probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from dgls.diffusion import sampler

Denoiser = Callable[[Tensor, Tensor | None], Tensor]
"""Tokens [batch, canvas] and the last step's logits (or None) to logits [batch, canvas, vocab]."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The likeliest tokens, their log-probabilities, the entropies (nats) and drawn tokens.

    All are [batch, canvas]; values at pinned positions are meaningless. `conditioning` [batch,
    canvas, ...] is what the reader wants back with the next canvas; `vocabulary` is the number of
    tokens.
    """

    best: Tensor
    log_probs: Tensor
    entropy: Tensor
    drawn: Tensor
    conditioning: Tensor
    vocabulary: int


class Reader(Protocol):
    """Reads canvases, and may compute all results at once instead of through logits."""

    def read(
        self,
        tokens: Tensor,
        open_: Tensor,
        conditioning: Tensor | None,
        temperature: float,
        generator: torch.Generator | None,
    ) -> Reading:
        """Read `tokens` [batch, canvas] at the positions `open_` [batch, canvas].

        `conditioning` is that of the last reading, or None. With `generator`, tokens are drawn by
        probability, once for each open position in order; without it, the likeliest are taken.
        """


class LogitsReader:
    """The reader of a model that gives logits of the whole canvas."""

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser

    def read(
        self,
        tokens: Tensor,
        open_: Tensor,
        conditioning: Tensor | None,
        temperature: float,
        generator: torch.Generator | None,
    ) -> Reading:
        """As in `Reader`, but draws for every position, pinned ones too, as `generate()` does."""
        logits = self._denoiser(tokens, conditioning)
        if temperature != 1.0:
            logits = logits / temperature
        distribution = torch.log_softmax(logits, dim=-1)
        log_probs, best = distribution.max(dim=-1)
        drawn = best if generator is None else sampler.sample(logits, generator)
        entropy = sampler.entropy_of(distribution)
        return Reading(best, log_probs, entropy, drawn, logits, logits.shape[-1])
