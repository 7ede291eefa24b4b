"""The adapter's loss: masks should draft what the causal stream will choose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.fills import Fills
from dgls.lab.training.parallel.masks import anchors_for, mask_states

_STATE_WEIGHT = 0.5
_LATER = 0.85
"""The weight of each mask relative to the one before: it is used only if those were right."""


@dataclass(frozen=True)
class Losses:
    """Mean losses of a batch of fills, and the share of masks whose draft was right.

    `head`: cross-entropy by the base's head; `sampler`: by the sampler; `state`: squared distance
    to the clean state of the same token, relative to its square.
    """

    head: Tensor
    sampler: Tensor
    state: Tensor
    right: Tensor

    @property
    def total(self) -> Tensor:
        """The loss to minimise."""
        return self.head + self.sampler + _STATE_WEIGHT * self.state


def losses(
    base: Base, adapter: Adapter, fills: Fills, rows: Tensor, draft_index: Tensor
) -> Losses | None:
    """Losses of the fills `rows`; None if they are too short to draft anything.

    `draft_index` [vocabulary] is each token's index among the drafted ones, or -1.
    """
    lengths = fills.lengths[rows]
    anchors = anchors_for(int(lengths.max()), fills.tokens.shape[1])
    cache = fills.cache.rows(rows, fills.prompt + anchors)
    states = mask_states(base, adapter, cache, fills.prompt - 1, anchors)
    masks = adapter.size.masks
    # Anchor j chooses token j itself; mask i (from 1) drafts token j + i.
    steps = torch.arange(anchors, device=rows.device)[:, None]
    places = steps + torch.arange(1, masks + 1, device=rows.device)
    drafted = places.clamp(max=fills.tokens.shape[1] - 1)
    tokens = fills.tokens[rows]
    targets = draft_index[tokens[:, drafted]]
    inside = places < lengths[:, None, None]
    used = inside & (targets >= 0)
    weights = (_LATER ** torch.arange(masks, device=rows.device)).expand(used.shape)[used]
    if not len(weights):
        return None
    previous = tokens[:, drafted - 1][used]
    clean = fills.states[rows][:, drafted][used]
    return _losses(base, adapter, states[used], clean, previous, targets[used], weights)


def _losses(
    base: Base,
    adapter: Adapter,
    states: Tensor,
    clean: Tensor,
    previous: Tensor,
    targets: Tensor,
    weights: Tensor,
) -> Losses:
    head = adapter.draft_head(base)
    weights = weights / weights.sum()
    by_head = F.cross_entropy(F.linear(states, head).float(), targets, reduction="none")
    logits = F.linear(adapter.sampled_states(base, states, previous), head)
    by_sampler = F.cross_entropy(logits.float(), targets, reduction="none")
    away = (states.float() - clean.float()).square().sum(-1) / clean.float().square().sum(-1)
    right = (logits.detach().argmax(-1) == targets).float()
    return Losses(
        (by_head * weights).sum(),
        (by_sampler * weights).sum(),
        (away * weights).sum(),
        (right * weights).sum(),
    )
