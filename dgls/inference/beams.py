"""Beam search: the likeliest texts of a causal model, all in the slots of one prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dgls.inference.control import RunControl
from dgls.inference.prompt_cache import ReadPrompt
from dgls.inference.token_table import TokenTable
from dgls.inference.written import Chooser, Ends, Written
from dgls.network.qwen2 import Qwen2Network
from dgls.network.rows import Rows
from dgls.network.slots import Slots


@dataclass(frozen=True, slots=True)
class BeamLimits:
    """How far a search goes: `width` beams at a time.

    A beam is dropped once it is `margin` nats less likely than the best text; `known` is the
    log-probability of a text found earlier.
    """

    width: int
    known: float = -math.inf
    margin: float = math.inf


class BeamSearch:
    """Searches for texts with one network."""

    def __init__(self, network: Qwen2Network, table: TokenTable) -> None:
        self._network = network
        self._table = table

    @torch.inference_mode()
    def beams(
        self,
        read: ReadPrompt,
        rest: bytes,
        ends: Ends,
        limits: BeamLimits,
        control: RunControl,
    ) -> tuple[Written, ...]:
        """The likeliest texts that the search meets, best first; they begin with `rest`.

        Nothing may have been read ahead of the prompt. On return, its slots are as before.
        """
        chooser = Chooser(self._table, ends)
        slots, states = read.slots, read.states
        base, passes = slots.length, 0
        search = _Search(chooser, self._table, ends, limits, limits.known, [_Beam(rest=rest)])
        try:
            while search.advance(self._network.logits(states)) and not control.out_of_time():
                control.check(search.depth)
                states = self._read_beams(slots, base, search)
                passes += 1
        finally:
            slots.cut(base)
        return tuple(each.written(len(rest), passes) for each in search.ordered())

    def _read_beams(self, slots: Slots, base: int, search: _Search) -> Tensor:
        """Read each beam's newest token, which attends to the text and its own beam only."""
        beams, first = search.alive, slots.length
        mask = torch.zeros(len(beams), first + len(beams), dtype=torch.bool)
        mask[:, :base] = True
        for row, beam in enumerate(beams):
            mask[row, list(beam.slots)] = True
            mask[row, first + row] = True
        depth = len(beams[0].tokens) - 1
        positions = torch.full((len(beams),), base + depth)
        device = self._network.device
        tokens = torch.tensor([beam.tokens[-1] for beam in beams], device=device)
        rows = Rows(tokens, positions.to(device), mask.to(device))
        states = self._network.read(rows, slots)
        search.alive = [
            replace(beam, slots=(*beam.slots, first + row)) for row, beam in enumerate(beams)
        ]
        return states


@dataclass(frozen=True, slots=True)
class _Beam:
    """One text of a search; `slots` are those of its tokens."""

    rest: bytes
    tokens: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    slots: tuple[int, ...] = ()
    total: float = 0.0
    breaks: int = 0
    end: float = 0.0
    last: int | None = None

    def written(self, healed: int, passes: int) -> Written:
        return Written(self.tokens, self.log_probs, (), self.end, self.last, healed, passes)


@dataclass(slots=True)
class _Search:
    """The beams of a search: `alive` ones and `done` ones."""

    chooser: Chooser
    table: TokenTable
    ends: Ends
    limits: BeamLimits
    likeliest: float
    alive: list[_Beam]
    done: list[_Beam] = field(default_factory=list)
    depth: int = 0

    def advance(self, logits: Tensor) -> bool:
        """Extend each beam by its likeliest next tokens; False if no beam is worth following."""
        tails = sorted(self._tails(logits), key=lambda beam: -beam.total)
        self.alive = []
        for beam in tails:
            if len(self.alive) == self.limits.width or beam.total <= self._to_beat():
                break
            if beam.last is None:
                self.alive.append(beam)
            elif self._is_new(beam):
                self.done.append(beam)
                self.likeliest = max(self.likeliest, beam.total)
        self.depth += 1
        if self.depth >= self.ends.tokens:
            self.done += self.alive
            self.alive = []
        return bool(self.alive)

    def ordered(self) -> list[_Beam]:
        """The beams found, best first."""
        return sorted([*self.done, *self.alive], key=lambda beam: -beam.total)[: self.limits.width]

    def _is_new(self, beam: _Beam) -> bool:
        """Whether no finished text equals this one."""
        said = self._text_of(beam)
        return all(self._text_of(other) != said for other in self.done)

    def _text_of(self, beam: _Beam) -> bytes:
        last = self.table.text_of(beam.last) if beam.last is not None else b""
        return (self.table.join(beam.tokens) + last.partition(b"\n")[0]).rstrip()

    def _to_beat(self) -> float:
        """The score that a beam must exceed to be followed: the worst of enough finished texts."""
        totals = sorted((beam.total for beam in self.done), reverse=True)
        width = self.limits.width
        return max([self.likeliest - self.limits.margin, *totals[width - 1 : width]])

    def _tails(self, logits: Tensor) -> list[_Beam]:
        found: list[_Beam] = []
        for beam, row in zip(self.alive, logits, strict=True):
            log_probs = self.chooser.log_probs(row, beam.rest)
            best = log_probs.topk(self.limits.width + 1)
            end = self.chooser.end(log_probs) if not beam.rest else -math.inf
            for value, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                if value > -math.inf:
                    found.append(self._with(beam, token, value, end))
        return found

    def _with(self, beam: _Beam, token: int, log_prob: float, end: float) -> _Beam:
        said = self.table.text_of(token)
        breaks = beam.breaks + said.count(b"\n")
        rest = self.chooser.after(beam.rest, token)
        if not rest and self.ends.reached(token, breaks):
            # Endings differ in what follows the gap, which does not matter here.
            ended = log_prob if said.partition(b"\n")[0].strip() else max(end, log_prob)
            return replace(beam, rest=b"", total=beam.total + ended, end=ended, last=token)
        return replace(
            beam,
            rest=rest,
            tokens=(*beam.tokens, token),
            log_probs=(*beam.log_probs, log_prob),
            total=beam.total + log_prob,
            breaks=breaks,
        )
