"""When a canvas is done: its best tokens no longer change and the model is sure of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stable for `stable_steps` steps and a mean entropy under `entropy` nats.

    As `StableAndConfidentStoppingCriteria` of transformers, but over open positions only: the
    pinned ones are certain from the start and would end a short gap far too early. With
    `once_accepted` a stable canvas is also done when every open position has been accepted,
    whatever the entropy.
    """

    stable_steps: int = 1
    entropy: float = 0.005
    once_accepted: bool = False


def stable_for(best: Tensor, previous: Tensor, before: Tensor) -> Tensor:
    """For how many steps each row's best tokens have not changed: int64 [batch].

    `best` and `previous` (of the step before) are [batch, canvas] token ids, in which pinned
    positions never change; `before` [batch] is this function's previous result.
    """
    changed = (best != previous).any(dim=-1)
    return torch.where(changed, 0, before + 1)


def mean_entropy(entropy: Tensor, open_: Tensor) -> Tensor:
    """Mean over each row's open positions: [batch, canvas] to [batch]; 0 if none is open."""
    return torch.where(open_, entropy, 0.0).sum(dim=-1) / open_.sum(dim=-1).clamp_min(1)


def done(
    rule: StopRule, stable: Tensor, entropy: Tensor, accepted: Tensor, open_: Tensor
) -> Tensor:
    """Which rows are done: bool [batch]. `stable` [batch]; the others are [batch, canvas]."""
    sure = mean_entropy(entropy, open_) < rule.entropy
    if rule.once_accepted:
        sure = sure | (accepted | ~open_).all(dim=-1)
    return sure & (stable >= rule.stable_steps)
