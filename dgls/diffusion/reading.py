"""What a denoise step asks of a model: which tokens are where, and how sure it is of them."""

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

    All are [batch, canvas]; what they say of pinned positions means nothing. `conditioning`
    [batch, canvas, ...] is what the reader wants to get with the next canvas, `vocabulary` the
    number of tokens there are.
    """

    best: Tensor
    log_probs: Tensor
    entropy: Tensor
    drawn: Tensor
    conditioning: Tensor
    vocabulary: int


class Reader(Protocol):
    """Reads canvases; what is cheaper in one go than through logits is left to it."""

    def read(
        self,
        tokens: Tensor,
        open_: Tensor,
        conditioning: Tensor | None,
        temperature: float,
        generator: torch.Generator | None,
    ) -> Reading:
        """Read `tokens` [batch, canvas] at the positions `open_` [batch, canvas].

        `conditioning` is the last reading's, or None. Drawn is by probability with `generator`,
        and the likeliest token without one. The draws are one for each open position, in order.
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
        """As `Reader`, but drawn for every position, pinned ones too, as `generate()` does it."""
        logits = self._denoiser(tokens, conditioning)
        if temperature != 1.0:
            logits = logits / temperature
        distribution = torch.log_softmax(logits, dim=-1)
        log_probs, best = distribution.max(dim=-1)
        drawn = best if generator is None else sampler.sample(logits, generator)
        entropy = sampler.entropy_of(distribution)
        return Reading(best, log_probs, entropy, drawn, logits, logits.shape[-1])
