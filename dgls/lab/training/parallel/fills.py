"""The training data: the base model's own greedy fills, with their states and caches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dgls.lab.training.parallel.base import Base, Cache, clean_states

_PREFILL_ROWS = 64 * 1024
"""Positions of prompts that are read at once, which bounds the memory of their activations."""


@dataclass(frozen=True)
class Fills:
    """Greedy fills of a batch of prompts of one length.

    `tokens` [batch, tokens] are rows of the base's vocabulary; the first `lengths` [batch] of them
    are the fill, including its end. `states` [batch, tokens, hidden] are those that chose them.
    `cache` holds prompt and fill, without its last token.
    """

    prompt: int
    tokens: Tensor
    lengths: Tensor
    states: Tensor
    cache: Cache


@torch.no_grad()
def greedy_fills(
    base: Base, prompts: Tensor, one_line: Tensor, ends: Tensor, newlines: Tensor, tokens: int
) -> Fills:
    """Fill `prompts` [batch, length] with up to `tokens` tokens each.

    A fill ends with a token marked in `ends` [vocabulary]; if `one_line` [batch], also with one of
    `newlines`.
    """
    batch, length = prompts.shape
    cache = Cache(base, batch, length + tokens)
    state = _read_prompts(base, prompts, cache)
    states = [state]
    chosen = [_next(base, state)]
    for _ in range(tokens - 1):
        state = clean_states(base, chosen[-1][:, None], cache)[:, 0]
        states.append(state)
        chosen.append(_next(base, state))
    fill = torch.stack(chosen, dim=1)
    stops = ends[fill] | (newlines[fill] & one_line[:, None])
    # The index of the first end, or the full length without an end.
    first = torch.where(stops.any(1), stops.int().argmax(1) + 1, tokens)
    return Fills(length, fill, first, torch.stack(states, dim=1), cache)


def _next(base: Base, state: Tensor) -> Tensor:
    return F.linear(state, base.head).argmax(-1)


def _read_prompts(base: Base, prompts: Tensor, cache: Cache) -> Tensor:
    """Read the prompts into the cache, some at a time; returns the last position's states."""
    batch, length = prompts.shape
    last = []
    for rows in torch.split(torch.arange(batch), max(1, _PREFILL_ROWS // length)):
        part = Cache(base, len(rows), length)
        chosen = slice(int(rows[0]), int(rows[-1]) + 1)
        last.append(clean_states(base, prompts[chosen], part)[:, -1])
        cache.keys[:, chosen, :, :length] = part.keys
        cache.values[:, chosen, :, :length] = part.values
    cache.length = length
    return torch.cat(last)
