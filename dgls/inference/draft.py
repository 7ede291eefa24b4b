"""Causal drafts by beam search: the same weights write the middle from left to right.

Greedily, a slightly likelier first token hides a better fill that starts with the second. A few
beams cost little more than one, because a small model spends its time on reading the weights.
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
"""How many nats likelier than any other fill an empty one must be to be the answer."""


@dataclass(frozen=True, slots=True)
class CausalDraft:
    """`tokens` end with the end-of-gap token if the model ended the gap (`ended`).

    `log_probs` has each token's log-probability in nats. `in_time` is False if the deadline cut the
    draft.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool
    in_time: bool = True


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of drafts.

    `end` is the end-of-gap token; `tokens` and `lines` limit each draft. `breaks[token]` is the
    number of line breaks in a token. `beams` drafts are followed at once.
    """

    end: int
    tokens: int
    lines: int
    breaks: Sequence[int]
    beams: int = 1


@dataclass(frozen=True, slots=True)
class _Beam:
    """An unfinished draft. `total` is its log-probability, `lines` its line breaks so far."""

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
        """Whether the draft has no text, which no user who asked expects."""
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
    """The likeliest fills of a beam search, best first, at least one.

    The weights are mixed with `cache`, the prompt's own repetitions. A draft ends with the
    end-of-gap token, before a line beyond its last, or at the token limit. The search ends when no
    draft can overtake the best one or, after its first token, when the time of `control` is up.
    Raises `Stopped` if `control` is stopped before a token.
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
    """Each beam extended by its likeliest next tokens, with its row, the likeliest first."""
    log_probs = torch.log_softmax(logits, dim=-1)
    mixed = [cache.mixed(row, beam.tokens) for row, beam in zip(log_probs, beams, strict=True)]
    # One more than the beams, as one of them may be the end.
    likeliest = torch.stack(mixed).topk(bounds.beams + 1, dim=-1)
    # The host decides what to follow, so the few likeliest are copied there each time.
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
    """The best unfinished beams and their rows; the best that ended join `done`."""
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
    """The total that a beam must exceed to go on: that of the best nonempty draft.

    An empty draft is easily beaten, but not by a beam a thousand times less likely.
    """
    totals = [each.total - (_NOTHING if each.empty else 0.0) for each in done]
    return max(totals, default=-torch.inf)


def _cut(beam: _Beam, *, in_time: bool = True) -> _Done:
    """A draft that the model did not end itself."""
    return _Done(CausalDraft(beam.tokens, beam.log_probs, False, in_time), beam.total)


def _ordered(done: Sequence[_Done]) -> tuple[CausalDraft, ...]:
    """Best first; empty drafts come last, and drafts cut by time after complete ones."""
    best = sorted(done, key=lambda each: (each.empty, not each.draft.in_time, -each.total))
    return tuple(each.draft for each in best)
