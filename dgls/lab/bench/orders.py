"""What masks write in a block, by the order in which their tokens are accepted.

A block is the draft of the masks after a token of a greedy fill. It is settled in one pass or in
several; an accepted token is text that the masks see in the next pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from dgls.diffusion.sampler import entropy_of
from dgls.inference.causal_model import CausalModel
from dgls.inference.mask_drafts import MaskDrafts
from dgls.lab.bench.passes import greedy_tokens, request_of
from dgls.lab.evaluation.cases import Case
from dgls.network.rows import Rows
from dgls.network.slots import Slots

_BLOCKS = 4
"""The most blocks of a fill that are settled."""


class Order(StrEnum):
    """Which places of a block are accepted first."""

    LEFT = "from the left"
    ENDS = "from both ends"
    ENTROPY = "by entropy"


@dataclass(frozen=True, slots=True)
class Settled:
    """Blocks settled in one order: the shares of tokens and blocks that equal greedy ones."""

    order: Order
    passes: int
    tokens_right: float
    blocks_right: float
    blocks: int

    @classmethod
    def of(cls, order: Order, passes: int, right: Sequence[int], width: int) -> Settled:
        """The shares, from the number of `right` tokens in each block of `width` tokens."""
        tokens = sum(right) / max(1, width * len(right))
        blocks = sum(count == width for count in right) / max(1, len(right))
        return cls(order, passes, round(tokens, 3), round(blocks, 3), len(right))


def settled(
    model: CausalModel,
    cases: Sequence[Case],
    say: Callable[[str], None],
    minutes: float = math.inf,
) -> tuple[Settled, ...]:
    """The figures of every order in 1, 2 and 4 passes. The model must have an adapter."""
    end = time.monotonic() + 60 * minutes
    assert model.masks is not None
    right: dict[tuple[Order, int], list[int]] = {
        (order, passes): [] for passes in (1, 2, 4) for order in Order
    }
    for number, case in enumerate(cases, start=1):
        if time.monotonic() > end:
            break
        for slots, text, block in _blocks(model, case):
            for (order, passes), found in right.items():
                written = _settle(model, slots, text, order, passes)
                found.append(sum(a == b for a, b in zip(written, block, strict=True)))
        if number % 10 == 0:
            say(f"{number} of {len(cases)} gaps")
    width = len(model.masks.masks)
    return tuple(Settled.of(*key, found, width) for key, found in right.items())


def _blocks(
    model: CausalModel, case: Case
) -> Iterator[tuple[Slots, tuple[int, int], tuple[int, ...]]]:
    """Slots that end before a token, that token and the next, and the block after both."""
    assert model.masks is not None
    prompt, tokens = model.layout.prompt(request_of(case)), greedy_tokens(model, case)
    width = len(model.masks.masks)
    starts = range(0, len(tokens) - width - 1, width + 1)
    slots = model.read(prompt).slots
    for start in starts[:_BLOCKS]:
        slots.cut(len(prompt.tokens))
        if start:
            model.network.read(Rows(torch.tensor(tokens[:start])), slots)
        yield slots, (tokens[start], tokens[start + 1]), tokens[start + 2 : start + 2 + width]
    slots.cut(len(prompt.tokens))


def _settle(
    model: CausalModel, slots: Slots, text: tuple[int, int], order: Order, passes: int
) -> list[int]:
    """The masks' tokens after the text, accepting some places of the block per pass."""
    drafts = model.masks
    assert drafts is not None
    width = len(drafts.masks)
    accepted: dict[int, int] = {}
    for _ in range(passes):
        states = _states(model, slots, text, accepted)
        tokens, entropy = _drafted(drafts, states, text[1], accepted)
        for place in _first(order, entropy, accepted)[: width // passes]:
            accepted[place] = tokens[place]
    return [accepted[place] for place in range(width)]


def _states(
    model: CausalModel, slots: Slots, text: tuple[int, int], accepted: dict[int, int]
) -> Tensor:
    """The masks' states [masks, width]; they see the text and all accepted tokens.

    As in training, a mask reads the position of the token before its own.
    """
    assert model.masks is not None
    masks, base = model.masks.masks, slots.length
    places = sorted(accepted)
    # Until a token is accepted, the text's last token is chosen and not read.
    known = [text[0], *([text[1]] if places else []), *(accepted[place] for place in places)]
    count = len(known) + len(masks)
    at = [base, *([base + 1] if places else []), *(base + 2 + place for place in places)]
    positions = torch.tensor([*at, *range(base + 1, base + 1 + len(masks))])
    mask = torch.ones((count, base + count), dtype=torch.bool).tril(base)
    rows = Rows(torch.tensor(known), positions, mask, masks)
    states = model.network.read(rows, slots)
    slots.cut(base)
    return states[len(known) :]


def _drafted(
    drafts: MaskDrafts, states: Tensor, before: int, accepted: dict[int, int]
) -> tuple[list[int], list[float]]:
    """The likeliest token of each place after the one before it, and the entropy there in nats."""
    tokens, entropy = list[int](), list[float]()
    for place, state in enumerate(states):
        log_probs = drafts.log_probs(state, before)
        before = accepted.get(place, drafts.token(int(log_probs.argmax())))
        tokens.append(before)
        entropy.append(float(entropy_of(log_probs)))
    return tokens, entropy


def _first(order: Order, entropy: Sequence[float], accepted: dict[int, int]) -> list[int]:
    """The open places, in the order in which they are accepted."""
    open_ = [place for place in range(len(entropy)) if place not in accepted]
    if order is Order.ENTROPY:
        return sorted(open_, key=entropy.__getitem__)
    if order is Order.ENDS:
        return sorted(open_, key=lambda place: min(place, len(entropy) - 1 - place))
    return open_
