"""Causal drafts: the same weights, writing the middle from left to right, several at once.

A beam search. Greedily, a first token that is a little likelier hides a better fill behind the
second one; a few beams cost little more than one, because on a small model a token's cost is
reading the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dgls.inference.control import RunControl
from dgls.inference.ngram_cache import NO_CACHE, NgramCache
from dgls.inference.prefix_cache import Prefix
from dgls.network.interface import Network

_NOTHING = 7.0
"""By how many nats an empty fill must be likelier than any other to be the answer."""


@dataclass(frozen=True, slots=True)
class CausalDraft:
    """`tokens` end with the end-of-gap token where the model ended the gap itself (`ended`).

    `log_probs` has the log-probability of each token in nats. Not `in_time` where the deadline
    ended the draft.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool
    in_time: bool = True


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far drafts go: `end` is the token that ends a gap, `tokens` and `lines` the most of each.

    `breaks[token]` says how many line breaks a token holds. `beams` drafts are followed at once.
    """

    end: int
    tokens: int
    lines: int
    breaks: Sequence[int]
    beams: int = 1


@dataclass(frozen=True, slots=True)
class _Beam:
    """A draft that goes on. `total` is its log-probability, `lines` its line breaks so far."""

    tokens: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    total: float = 0.0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class _Done:
    draft: CausalDraft
    total: float

    @property
    def empty(self) -> bool:
        """Whether it fills nothing, which no one who asks expects."""
        return len(self.draft.tokens) == int(self.draft.ended)


@torch.inference_mode()
def drafts(
    network: Network,
    prefix: Prefix,
    bounds: Bounds,
    *,
    cache: NgramCache = NO_CACHE,
    control: RunControl,
) -> tuple[CausalDraft, ...]:
    """The likeliest fills that a beam search meets, best first, at least one.

    What follows is predicted by the weights and by `cache`, what the prompt itself repeats. A
    draft ends with the end-of-gap token, before a line beyond its last, or at the token limit.
    The search ends when no draft can overtake the best one, or, after its first token, when the
    time of `control` is up. Raises `Stopped` where `control` says so before a token.
    """
    beams, done = [_Beam()], list[_Done]()
    states, past = prefix.last, prefix.past
    for written in range(bounds.tokens):
        if written and control.out_of_time():
            return _ordered([*done, *(_cut(beam, in_time=False) for beam in beams)])
        control.check(written)
        tails = _continued(network.unembed(states), beams, cache, bounds)
        beams, rows = _advance(tails, bounds, done)
        if not beams or written + 1 == bounds.tokens:
            break
        new = torch.tensor([[beam.tokens[-1]] for beam in beams], device=network.device)
        extended, past = network.extend(new, past.rows(rows))
        states = extended[:, -1]
    return _ordered([*done, *(_cut(beam) for beam in beams)])


def _continued(
    logits: Tensor, beams: Sequence[_Beam], cache: NgramCache, bounds: Bounds
) -> list[tuple[int, _Beam]]:
    """Each beam with each of its likeliest next tokens and its row, the likeliest first."""
    log_probs = torch.log_softmax(logits, dim=-1)
    mixed = [cache.mixed(row, beam.tokens) for row, beam in zip(log_probs, beams, strict=True)]
    # One more than the beams, as one of them may be the end.
    likeliest = torch.stack(mixed).topk(bounds.beams + 1, dim=-1)
    # What to follow is decided on the host, so the few likeliest must come there each time.
    values, tokens = likeliest.values.tolist(), likeliest.indices.tolist()
    found = [
        (row, _with(beam, token, value, bounds))
        for row, beam in enumerate(beams)
        for token, value in zip(tokens[row], values[row], strict=True)
    ]
    return sorted(found, key=lambda each: -each[1].total)


def _with(beam: _Beam, token: int, log_prob: float, bounds: Bounds) -> _Beam:
    return _Beam(
        (*beam.tokens, token),
        (*beam.log_probs, log_prob),
        beam.total + log_prob,
        beam.lines + bounds.breaks[token],
    )


def _advance(
    tails: Sequence[tuple[int, _Beam]], bounds: Bounds, done: list[_Done]
) -> tuple[list[_Beam], list[int]]:
    """The best beams that go on and their rows; those that ended among the best join `done`."""
    alive: list[_Beam] = []
    rows: list[int] = []
    for row, beam in tails:
        if len(alive) == bounds.beams or beam.total <= _to_beat(done):
            break
        if beam.tokens[-1] == bounds.end:
            done.append(_Done(CausalDraft(beam.tokens, beam.log_probs, ended=True), beam.total))
        elif beam.lines >= bounds.lines:
            short = replace(beam, tokens=beam.tokens[:-1], log_probs=beam.log_probs[:-1])
            done.append(_cut(short))
        else:
            alive.append(beam)
            rows.append(row)
    return alive, rows


def _to_beat(done: Sequence[_Done]) -> float:
    """The total that a beam must exceed to go on: that of the best draft that fills something.

    One that fills nothing is easily beaten, but not by what is a thousand times less likely.
    """
    totals = [each.total - (_NOTHING if each.empty else 0.0) for each in done]
    return max(totals, default=-torch.inf)


def _cut(beam: _Beam, *, in_time: bool = True) -> _Done:
    """A draft that the model did not end itself."""
    return _Done(CausalDraft(beam.tokens, beam.log_probs, False, in_time), beam.total)


def _ordered(done: Sequence[_Done]) -> tuple[CausalDraft, ...]:
    """Best first; what fills nothing comes last, and what was cut by time after what was not."""
    best = sorted(done, key=lambda each: (each.empty, not each.draft.in_time, -each.total))
    return tuple(each.draft for each in best)
