"""Tokens per pass that the adapter's drafts would give, by the exact rule of acceptance.

One pass reads the last accepted token, the drafts that follow it, and masks; the causal stream
accepts the longest run of drafts that equals its own choice and adds one token. Accepted drafts are
the greedy fill itself, so the drafts after each of its places determine the result. They are made
once, and the passes are then counted without the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.fills import Fills
from dgls.lab.training.parallel.masks import mask_states

_PART = 32


@dataclass(frozen=True, slots=True)
class Drafted:
    """One greedy fill, and the drafts of the masks after each of its places.

    `drafts[j]` are drafts for `fill[j + 1:]`, made when `fill[j]` was chosen; `chances[j]` are
    their probabilities.
    """

    fill: tuple[int, ...]
    drafts: tuple[tuple[int, ...], ...]
    chances: tuple[tuple[float, ...], ...]

    def right(self, place: int) -> int:
        """How many leading drafts after `fill[place]` are right."""
        count = 0
        for draft, token in zip(self.drafts[place], self.fill[place + 1 :], strict=False):
            if draft != token:
                break
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class Passes:
    """Tokens and passes of some fills, and the positions that those passes read.

    The pass that reads the prompt counts, with its last token and its masks as positions.
    """

    tokens: int
    passes: int
    rows: int

    @property
    def tokens_per_pass(self) -> float:
        """Tokens per pass; 1 is plain decoding."""
        return self.tokens / max(1, self.passes)


def passes_of(fills: Sequence[Drafted], *, tree: bool) -> Passes:
    """Count the passes of `fills`.

    With `tree`, every accepted prefix of the drafts has masks after it; otherwise there are masks
    after the last draft only, and a pass that rejects a draft leaves the next one without masks.
    """
    tokens = passes = rows = 0
    for drafted in fills:
        place, drafts, masks = -1, 0, len(drafted.drafts[0])
        while place < len(drafted.fill) - 1:
            accepted = min(drafted.right(place), drafts) if place >= 0 else 0
            rows += 1 + drafts + masks * ((drafts + 1) if tree else 1)
            place += accepted + 1
            passes += 1
            drafts = masks if tree or accepted == drafts else 0
        tokens += len(drafted.fill)
    return Passes(tokens, passes, rows)


def accepted_by_mask(fills: Sequence[Drafted]) -> tuple[float, ...]:
    """For each mask, the share of places where its draft and all before it were right."""
    masks = len(fills[0].drafts[0])
    right, tried = [0] * masks, [0] * masks
    for drafted in fills:
        for place in range(len(drafted.fill)):
            run = drafted.right(place)
            for mask in range(min(masks, len(drafted.fill) - place - 1)):
                tried[mask] += 1
                right[mask] += mask < run
    return tuple(r / max(1, t) for r, t in zip(right, tried, strict=True))


@torch.no_grad()
def drafted_fills(base: Base, adapter: Adapter, fills: Fills) -> list[Drafted]:
    """Drafts after every place of every fill."""
    found: list[Drafted] = []
    for rows in torch.split(torch.arange(len(fills.tokens), device=base.device), _PART):
        anchors = max(1, int(fills.lengths[rows].max()) - 1)
        cache = fills.cache.rows(rows, fills.prompt + anchors)
        states = mask_states(base, adapter, cache, fills.prompt - 1, anchors)
        drafts, chances = chained_drafts(base, adapter, states, fills.tokens[rows, :anchors])
        published = base.token_ids
        for row, length in enumerate(fills.lengths[rows].tolist()):
            found.append(
                Drafted(
                    tuple(published[fills.tokens[rows[row], :length]].tolist()),
                    tuple(map(tuple, published[drafts[row]].tolist())),
                    tuple(map(tuple, chances[row].tolist())),
                )
            )
    return [_whole(drafted) for drafted in found]


def chained_drafts(
    base: Base, adapter: Adapter, states: Tensor, first: Tensor
) -> tuple[Tensor, Tensor]:
    """Drafts from mask states [..., masks, hidden], each seeing the one before.

    `first` [...] are the rows of the tokens before the first draft. Returns rows of the base's
    vocabulary and probabilities, each [..., masks].
    """
    head = adapter.draft_head(base)
    previous, drafts, chances = first, [], []
    for mask in range(states.shape[-2]):
        sampled = adapter.sampled_states(base, states[..., mask, :], previous)
        chance, best = F.linear(sampled, head).float().softmax(-1).max(-1)
        previous = adapter.draft_rows[best]
        drafts.append(previous)
        chances.append(chance)
    return torch.stack(drafts, dim=-1), torch.stack(chances, dim=-1)


def _whole(drafted: Drafted) -> Drafted:
    """The same with one place per token of the fill; after the last token nothing is drafted."""
    places = len(drafted.fill)
    empty = (-1,) * len(drafted.drafts[0])
    drafts = (*drafted.drafts[: places - 1], empty)
    return Drafted(drafted.fill, drafts, drafted.chances[:places])
