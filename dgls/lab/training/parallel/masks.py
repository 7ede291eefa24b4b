"""The mask rows' pass: masks after many anchors of a text at once, over its clean cache."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.base import (
    Base,
    Cache,
    after_attention,
    attend,
    heads_of,
    rotary,
)

_ROUND = 4


def mask_states(base: Base, adapter: Adapter, cache: Cache, first: int, anchors: int) -> Tensor:
    """States of the masks after anchors `first`, `first + 1`, ..., [batch, anchors, masks, hidden].

    After an anchor at position p, masks are at p+1 .. p+k and see the clean tokens up to p and the
    earlier masks of their own block. The mask at p+i drafts the token of p+i+1.
    """
    masks, device = adapter.size.masks, base.device
    positions, bias = _block(first, anchors, masks, cache.length, device)
    bias = bias.to(base.dtype)
    cos, sin = rotary(base.shape, positions)
    x = adapter.mask_embedding.to(base.dtype).repeat(anchors, 1)
    x = x.expand(cache.keys.shape[1], -1, -1)
    for index, layer in enumerate(base.layers):
        extra = adapter.extra(index)
        q, k, v = heads_of(base, layer, x, cos, sin, extra)
        keys = torch.cat((cache.keys[index], k), dim=2)
        values = torch.cat((cache.values[index], v), dim=2)
        x = after_attention(base, layer, x, attend(q, keys, values, bias), extra)
    states = F.rms_norm(x, (base.shape.hidden,), base.norm, base.shape.eps)
    return states.view(states.shape[0], anchors, masks, -1)


def anchors_for(length: int, tokens: int) -> int:
    """The anchors for a fill of `length` tokens, of at most `tokens`: rounded, for few shapes."""
    return min(tokens - 1, max(1, -(-(length - 1) // _ROUND) * _ROUND))


def _block(
    first: int, anchors: int, masks: int, clean: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Positions [rows] of the mask rows, and the bias [rows, clean + rows] for what each sees."""
    anchor = torch.arange(anchors, device=device).repeat_interleave(masks)
    mask = torch.arange(masks, device=device).repeat(anchors)
    sees_clean = torch.arange(clean, device=device) <= (first + anchor)[:, None]
    same_block = anchor[:, None] == anchor
    sees_mask = same_block & (mask[:, None] >= mask)
    seen = torch.cat((sees_clean, sees_mask), dim=1)
    bias = torch.zeros(seen.shape, device=device).masked_fill(~seen, float("-inf"))
    return first + anchor + mask + 1, bias
