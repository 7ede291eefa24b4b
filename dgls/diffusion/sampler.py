"""Which of the denoiser's tokens are accepted in a step; the others are renoised.

The entropy bound follows https://arxiv.org/abs/2505.24857: accept k positions whose entropies,
without the largest, add up to at most the bound, because then they are nearly independent.
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor


class Order(StrEnum):
    """Which positions come first.

    CONFIDENCE: the lowest entropies anywhere, chosen anew in every step, as in the paper and in
    transformers. LEFT: in each gap the longest run from its left edge that is not accepted yet;
    accepted positions stay accepted. A small model must settle the alignment first.
    """

    CONFIDENCE = "confidence"
    LEFT = "left"


def entropy_of(log_probs: Tensor) -> Tensor:
    """Entropy in nats of each position: log-probabilities [..., vocab] to [...]."""
    # A token that is ruled out has -inf, and -inf times its probability of 0 would be NaN.
    finite = log_probs.clamp_min(torch.finfo(log_probs.dtype).min)
    return -(log_probs.exp() * finite).sum(dim=-1)


def accept(entropy: Tensor, open_: Tensor, accepted: Tensor, bound: float, order: Order) -> Tensor:
    """The accepted positions after this step: bool [batch, canvas], open positions only.

    `entropy`, `open_` and `accepted` (after the last step) are [batch, canvas]; `bound` is in
    nats. At least one more position of each row (LEFT: of each gap) is accepted, if any is left.
    """
    if order is Order.LEFT:
        return accepted | accept_from_left(entropy, open_ & ~accepted, bound)
    return accept_by_confidence(entropy, open_, bound)


def accept_by_confidence(entropy: Tensor, open_: Tensor, bound: float) -> Tensor:
    """The open positions of lowest entropy within the bound: bool [batch, canvas]."""
    ordered, index = torch.where(open_, entropy, torch.inf).sort(dim=-1)
    # Ascending, so the k-th is the largest of the first k: leave it out of the sum.
    within = ordered.cumsum(dim=-1) - ordered <= bound
    return torch.zeros_like(open_).scatter(-1, index, within) & open_


def accept_from_left(entropy: Tensor, pending: Tensor, bound: float) -> Tensor:
    """In each run of `pending` positions the first ones within the bound: bool [batch, canvas].

    The entropy of the last accepted position does not count, as in the paper's bound.
    """
    waiting = torch.where(pending, entropy, 0.0)
    before = waiting.cumsum(dim=-1) - waiting
    return pending & (before - before.gather(-1, _run_starts(pending)) <= bound)


def _run_starts(pending: Tensor) -> Tensor:
    """For each position the index where its run of True begins: int64 [batch, canvas]."""
    index = torch.arange(pending.shape[-1], device=pending.device).expand_as(pending)
    begins = pending & ~torch.nn.functional.pad(pending, (1, 0))[..., :-1]
    return torch.where(begins, index, 0).cummax(dim=-1).values


def sample(logits: Tensor, generator: torch.Generator) -> Tensor:
    """A token for each position, drawn by probability: [..., vocab] to [...]."""
    probabilities = torch.softmax(logits, dim=-1, dtype=torch.float32)
    drawn = torch.multinomial(probabilities.flatten(0, -2), 1, generator=generator)
    return drawn.view(logits.shape[:-1])
