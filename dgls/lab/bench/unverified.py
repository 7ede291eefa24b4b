"""Whole fills that accept every likely draft of the masks, beside greedy ones."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.inference.causal_model import CausalModel
from dgls.inference.drafts import Plan
from dgls.lab.bench.passes import ends_of, greedy_tokens, request_of
from dgls.lab.evaluation.cases import Case

LEAST = (0.9, 0.5)
"""The probabilities from which a whole fill accepts a draft unverified."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """Whole fills whose drafts are accepted from the left while they are likely enough."""

    least: float
    tokens_per_pass: float
    same_as_greedy: int
    gaps: int


def unverified(
    model: CausalModel, cases: Sequence[Case], minutes: float = math.inf
) -> tuple[Unverified, ...]:
    """Fills without verification beside those of greedy decoding."""
    end, gaps = time.monotonic() + 60 * minutes, 0
    tokens, passes, same = ([0] * len(LEAST) for _ in range(3))
    for case in cases:
        if time.monotonic() > end:
            break
        gaps += 1
        greedy = greedy_tokens(model, case)
        for index, least in enumerate(LEAST):
            written, read = _trusting(model, case, least)
            tokens[index] += len(written)
            passes[index] += read
            same[index] += written == greedy
    return tuple(
        Unverified(least, round(tokens[index] / max(1, passes[index]), 2), same[index], gaps)
        for index, least in enumerate(LEAST)
    )


def _trusting(model: CausalModel, case: Case, least: float) -> tuple[tuple[int, ...], int]:
    """A fill that accepts every likely draft, and its number of passes."""
    prompt, drafts, ends = model.layout.prompt(request_of(case)), model.masks, ends_of(model, case)
    assert drafts is not None
    plan = Plan((), drafts.masks)
    read = model.read(prompt)
    read.slots.cut(len(prompt.tokens) - 1)
    written, passes, new, rest = list[int](), 0, [prompt.tokens[-1]], prompt.rest

    def over(token: int) -> bool:
        said = model.table.join([*written, token])
        return token in ends.special or said.count(b"\n") >= ends.lines

    while True:
        states = model.network.read(plan.after(new, read.slots), read.slots)
        read.slots.cut(read.slots.length - len(drafts.masks))
        passes += 1
        row = model.network.logits(states[len(new) - 1 : len(new)])[0]
        if rest:
            row = _held(model, row, rest)
        token = int(row.argmax())
        rest = rest[len(model.table.text_of(token)) :]
        likely = () if rest else drafts.drafts(states[len(new) :], token, least)[0]
        new = []
        for each in (token, *likely):
            ended = over(each)
            written.append(each)
            new.append(each)
            if (ended and not rest) or len(written) >= ends.tokens:
                read.slots.cut(len(prompt.tokens))
                return tuple(written), passes


def _held(model: CausalModel, row: Tensor, rest: bytes) -> Tensor:
    """The logits of possible tokens where the text must continue with `rest`."""
    allowed = torch.tensor(model.table.beginning(rest))
    held = torch.full_like(row, float("-inf"))
    held[allowed] = row[allowed]
    return held
