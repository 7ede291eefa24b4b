"""The causal stream of a fill-in-the-middle model: greedy with verified drafts, beams, scores.

All of it works on one text's slots. What a pass reads past the text's end is either accepted, and
then kept, or cut away again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from dgls.errors import Stopped
from dgls.inference.drafts import NOTHING, Drafter, Plan, read_ahead
from dgls.inference.token_table import TokenTable
from dgls.network.qwen2 import Qwen2Network
from dgls.network.slots import Slots

OnPass = Callable[[Sequence[int], Sequence[int], Sequence[int]], None]
"""Called after each pass with all tokens so far, the drafts that were not accepted, and those that
the next pass reads."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends a gap: the special tokens, after `lines` lines a line break, `tokens` tokens.

    `over` says of all that was written, with what had to come first, whether it has left the gap.
    A greedy text whose log-probability falls below `unlikely` nats ends where it is.
    """

    special: frozenset[int]
    lines: int
    tokens: int
    over: Callable[[bytes], bool] | None = None
    unlikely: float = -math.inf

    def reached(self, token: int, breaks: int) -> bool:
        """Whether `token` ends the gap that has `breaks` line breaks with it."""
        return token in self.special or breaks >= self.lines


@dataclass(frozen=True, slots=True)
class Written:
    """What the stream wrote.

    `tokens` are without what ended it, `log_probs` one for each in nats, given the text that had to
    come first. `end` is the log-probability of ending there; `last` the token that ended it, None
    where a limit did: it may say something before its line break. `margins` are the distances to
    the second choice in logits. `healed` bytes at its beginning are the end of the prefix, written
    again. Not `complete` where the time ran out.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    margins: tuple[float, ...]
    end: float
    last: int | None
    healed: int
    passes: int
    complete: bool = True

    @property
    def total(self) -> float:
        """The log-probability of the text and its end."""
        return sum(self.log_probs) + self.end

    def text(self, table: TokenTable, lines: int) -> str:
        """What it adds to the prefix, `lines` lines at most."""
        said = table.join(self.tokens) + (
            table.text_of(self.last) if self.last is not None else b""
        )
        text = said[self.healed :].decode("utf-8", "replace")
        return "\n".join(text.split("\n")[:lines]).removesuffix("\r")


@dataclass(frozen=True, slots=True)
class Control:
    """What may end a stream early; both are asked before each pass."""

    should_stop: Callable[[], bool] = lambda: False
    out_of_time: Callable[[], bool] = lambda: False

    def check(self, written: int) -> None:
        """Raise `Stopped` where the fill is not wanted any more."""
        if self.should_stop():
            raise Stopped(f"The fill was stopped after {written} tokens; nothing was changed.")


class Chooser:
    """Reads logits [n, vocabulary]: the choice, with the beginning of the text held to `rest`."""

    def __init__(self, table: TokenTable, ends: Ends) -> None:
        self._table = table
        ends_here = sorted(ends.special)
        if ends.lines == 1:
            ends_here += table.breaking.tolist()
        self._ends = torch.tensor(ends_here)

    def log_probs(self, logits: Tensor, rest: bytes) -> Tensor:
        """Log-probabilities [vocabulary] of what may follow; where `rest` must, of that alone."""
        if not rest:
            return torch.log_softmax(logits, -1)
        allowed = torch.tensor(self._table.beginning(rest))
        masked = torch.full_like(logits, float("-inf"))
        masked[allowed] = logits[allowed]
        return torch.log_softmax(masked, -1)

    def end(self, log_probs: Tensor) -> float:
        """The log-probability that the gap ends here."""
        return float(torch.logsumexp(log_probs[self._ends], -1))

    def after(self, rest: bytes, token: int) -> bytes:
        """What of `rest` is still to come after `token`."""
        return rest[len(self._table.text_of(token)) :]


@dataclass(slots=True)
class _Writing:
    """A stream under way."""

    rest: bytes
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    breaks: int = 0
    end: float = 0.0
    last: int | None = None


class Stream:
    """Writes and scores texts with one network."""

    def __init__(self, network: Qwen2Network, table: TokenTable) -> None:
        self.network = network
        self.table = table

    @torch.inference_mode()
    def greedy(
        self,
        slots: Slots,
        states: Tensor,
        rest: bytes,
        ends: Ends,
        drafter: Drafter,
        control: Control,
        on_pass: OnPass = lambda tokens, refused, ahead: None,
        *,
        ahead: Plan = NOTHING,
    ) -> Written:
        """The likeliest token each time, several a pass where drafts are right.

        `states` [1 + drafts + masks, width] are those of the text's last token and of what was
        read `ahead`. The text is what it would be without drafts, but for near ties.
        """
        chooser = Chooser(self.table, ends)
        writing = _Writing(rest)
        plan, passes, complete = ahead, 0, True
        base = slots.length - len(states) + 1
        while True:
            drafts = list(plan.drafts)
            choices, masks = states[: 1 + len(drafts)], states[1 + len(drafts) :]
            accepted = self._accept(chooser, writing, self.network.logits(choices), drafts, ends)
            refused = drafts[accepted:]
            if self._has_ended(writing, ends):
                break
            if control.out_of_time():
                complete = False
                break
            control.check(len(writing.tokens))
            # The last token was chosen, not read; what was read after the accepted ones goes.
            slots.cut(base + len(writing.tokens) - 1)
            if len(masks) and accepted == plan.seen:
                drafter.learn(masks, writing.tokens)
            plan = drafter.plan(writing.tokens)
            on_pass(writing.tokens, refused, plan.drafts)
            states = read_ahead(self.network, slots, [writing.tokens[-1]], plan)
            passes += 1
        on_pass(writing.tokens, refused, ())
        return Written(
            tuple(writing.tokens),
            tuple(writing.log_probs),
            tuple(writing.margins),
            writing.end,
            writing.last,
            len(rest),
            passes,
            complete,
        )

    def _has_ended(self, writing: _Writing, ends: Ends) -> bool:
        if writing.last is not None or len(writing.tokens) >= ends.tokens:
            return True
        if sum(writing.log_probs) < ends.unlikely:
            return True
        return ends.over is not None and ends.over(self.table.join(writing.tokens))

    def _accept(
        self, chooser: Chooser, writing: _Writing, logits: Tensor, drafts: list[int], ends: Ends
    ) -> int:
        """Take the choices of a pass as far as the drafts were right; returns how many were."""
        for index, row in enumerate(logits):
            log_probs = chooser.log_probs(row, writing.rest)
            best = log_probs.topk(2)
            token, margin = int(best.indices[0]), float(best.values[0] - best.values[1])
            breaks = writing.breaks + self.table.text_of(token).count(b"\n")
            rest = chooser.after(writing.rest, token)
            if not rest and ends.reached(token, breaks):
                writing.last = token
                writing.end = self._end(chooser, log_probs, token)
                writing.margins.append(margin)
                return index
            writing.end = -math.inf
            writing.rest = rest
            writing.breaks = breaks
            writing.tokens.append(token)
            writing.log_probs.append(float(best.values[0]))
            writing.margins.append(margin)
            if index == len(drafts) or drafts[index] != token:
                return index
            if len(writing.tokens) >= ends.tokens:
                return index + 1
        return len(drafts)

    def _end(self, chooser: Chooser, log_probs: Tensor, token: int) -> float:
        """How likely the text ends with `token`: one that says something first ends it alone."""
        speaks = self.table.text_of(token).partition(b"\n")[0].strip()
        return float(log_probs[token]) if speaks else chooser.end(log_probs)

    @torch.inference_mode()
    def beams(
        self,
        slots: Slots,
        state: Tensor,
        rest: bytes,
        ends: Ends,
        width: int,
        control: Control,
        known: float = -math.inf,
        behind: float = math.inf,
    ) -> tuple[Written, ...]:
        """The likeliest texts that a search of `width` beams meets, best first.

        A beam that is `behind` nats or more below the likeliest text is given up; `known` is the
        log-probability of a text that was found before. `state` [1, width] is that of the
        text's last token. The slots are cut back to the text.
        """
        chooser = Chooser(self.table, ends)
        base = slots.length
        search = _Search(chooser, self.table, ends, width, known, behind, [_Beam(rest=rest)])
        states, passes = state, 0
        try:
            while search.advance(self.network.logits(states)) and not control.out_of_time():
                control.check(search.depth)
                states = self._read_beams(slots, base, search)
                passes += 1
        finally:
            slots.cut(base)
        return tuple(each.written(len(rest), passes) for each in search.ordered())

    def _read_beams(self, slots: Slots, base: int, search: _Search) -> Tensor:
        """Read each beam's newest token; it sees the text and its own beam alone."""
        beams, first = search.alive, slots.length
        mask = torch.zeros(len(beams), first + len(beams), dtype=torch.bool)
        mask[:, :base] = True
        for row, beam in enumerate(beams):
            mask[row, list(beam.slots)] = True
            mask[row, first + row] = True
        depth = len(beams[0].tokens) - 1
        positions = torch.full((len(beams),), base + depth)
        device = self.network.device
        tokens = torch.tensor([beam.tokens[-1] for beam in beams], device=device)
        states = self.network.read(tokens, slots, positions.to(device), mask.to(device))
        search.alive = [
            replace(beam, slots=(*beam.slots, first + row)) for row, beam in enumerate(beams)
        ]
        return states

    @torch.inference_mode()
    def scores(
        self, slots: Slots, state: Tensor, rest: bytes, ends: Ends, texts: Sequence[Sequence[int]]
    ) -> tuple[Written, ...]:
        """How likely each text is after the slots, all in one pass; the slots are cut back.

        A text is its tokens, those of `rest` first and without the end. One that does not begin
        with `rest` has no chance (-inf).
        """
        chooser = Chooser(self.table, ends)
        base = slots.length
        try:
            states = self._states_after(slots, state, texts)
        finally:
            slots.cut(base)
        return tuple(
            self._scored(chooser, rest, text, rows)
            for text, rows in zip(texts, states, strict=True)
        )

    def _states_after(
        self, slots: Slots, state: Tensor, texts: Sequence[Sequence[int]]
    ) -> list[Tensor]:
        """For each text the states [tokens + 1, width] before each token and after the last."""
        lengths = [len(text) for text in texts]
        total, base = sum(lengths), slots.length
        if not total:
            return [state for _ in texts]
        mask = torch.zeros(total, base + total, dtype=torch.bool)
        mask[:, :base] = True
        positions, at = list[int](), 0
        for length in lengths:
            ones = torch.ones(length, length, dtype=torch.bool).tril()
            mask[at : at + length, base + at : base + at + length] = ones
            positions += range(base, base + length)
            at += length
        device = self.network.device
        tokens = torch.tensor([token for text in texts for token in text], device=device)
        states = self.network.read(
            tokens, slots, torch.tensor(positions, device=device), mask.to(device)
        )
        return [torch.cat([state, each]) for each in torch.split(states, lengths)]

    def _scored(
        self, chooser: Chooser, rest: bytes, tokens: Sequence[int], states: Tensor
    ) -> Written:
        """The score of one text; logits are made for a few of its tokens at a time."""
        log_probs: list[float] = []
        margins: list[float] = []
        healed, end, joined, last = len(rest), 0.0, -math.inf, len(tokens) - 1
        for start in range(0, len(states), _ROWS):
            for index, row in enumerate(self.network.logits(states[start : start + _ROWS]), start):
                if index > last:
                    end = chooser.end(torch.log_softmax(row, -1))
                    break
                distribution = chooser.log_probs(row, rest)
                log_probs.append(float(distribution[tokens[index]]))
                margins.append(log_probs[-1] - float(distribution.max()))
                rest = chooser.after(rest, tokens[index])
                if index == last and not rest:
                    joined = self._joined(tokens[index], distribution)
        if tokens and not rest:
            both = torch.tensor([log_probs[-1] + end, joined])
            end = float(torch.logsumexp(both, 0)) - log_probs[-1]
        return Written(tuple(tokens), tuple(log_probs), tuple(margins), end, None, healed, 1)

    def _joined(self, token: int, log_probs: Tensor) -> float:
        """The log-probability of the tokens that say what `token` says and a line break at once."""
        found = self.table.starting(self.table.text_of(token) + b"\n")
        return float(torch.logsumexp(log_probs[found], -1)) if found else -math.inf


_ROWS = 16
"""Logits of so many positions are held at once."""


@dataclass(frozen=True, slots=True)
class _Beam:
    """One text of a search; `slots` are where its tokens were read."""

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
    """The beams of a search: those `alive`, and those `done`."""

    chooser: Chooser
    table: TokenTable
    ends: Ends
    width: int
    likeliest: float
    behind: float
    alive: list[_Beam]
    done: list[_Beam] = field(default_factory=list)
    depth: int = 0

    def advance(self, logits: Tensor) -> bool:
        """Follow each beam's likeliest next tokens; False where no beam is worth following."""
        tails = sorted(self._tails(logits), key=lambda beam: -beam.total)
        self.alive = []
        for beam in tails:
            if len(self.alive) == self.width or beam.total <= self._to_beat():
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
        """What was found, best first."""
        return sorted([*self.done, *self.alive], key=lambda beam: -beam.total)[: self.width]

    def _is_new(self, beam: _Beam) -> bool:
        """Whether no text that is done says the same."""
        said = self._said(beam)
        return all(self._said(other) != said for other in self.done)

    def _said(self, beam: _Beam) -> bytes:
        last = self.table.text_of(beam.last) if beam.last is not None else b""
        return (self.table.join(beam.tokens) + last.partition(b"\n")[0]).rstrip()

    def _to_beat(self) -> float:
        """What a beam must exceed to be followed: the worst of enough texts that are done."""
        totals = sorted((beam.total for beam in self.done), reverse=True)
        return max([self.likeliest - self.behind, *totals[self.width - 1 : self.width]])

    def _tails(self, logits: Tensor) -> list[_Beam]:
        found: list[_Beam] = []
        for beam, row in zip(self.alive, logits, strict=True):
            log_probs = self.chooser.log_probs(row, beam.rest)
            best = log_probs.topk(self.width + 1)
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
            # Ways to end differ in what follows the gap, which does not matter here.
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
