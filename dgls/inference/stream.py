"""The causal stream of a fill-in-the-middle model: greedy, with drafts that it verifies.

What a pass reads beyond the text is either accepted and kept, or cut away again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgls.inference.control import RunControl
from dgls.inference.drafts import Drafter
from dgls.inference.prompt_cache import ReadPrompt
from dgls.inference.token_table import TokenTable
from dgls.inference.written import Chooser, Ends, OnPass, Written
from dgls.network.qwen2 import Qwen2Network


@dataclass(slots=True)
class _Writing:
    """The state of a stream."""

    rest: bytes
    tokens: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    breaks: int = 0
    end: float = 0.0
    last: int | None = None
    passes: int = 0
    complete: bool = True

    def written(self, healed: int) -> Written:
        """What was written after the `healed` bytes that the prompt left out."""
        return Written(
            tuple(self.tokens),
            tuple(self.log_probs),
            tuple(self.margins),
            self.end,
            self.last,
            healed,
            self.passes,
            self.complete,
        )


class Stream:
    """Writes texts with one network."""

    def __init__(self, network: Qwen2Network, table: TokenTable) -> None:
        self._network = network
        self._table = table

    @torch.inference_mode()
    def greedy(
        self,
        read: ReadPrompt,
        rest: bytes,
        ends: Ends,
        drafter: Drafter,
        control: RunControl,
        on_pass: OnPass = lambda tokens, refused, ahead: None,
    ) -> Written:
        """The likeliest token each time, several per pass where drafts are right.

        The text begins with `rest`. It is the same as without drafts, except at near ties.
        """
        chooser = Chooser(self._table, ends)
        writing = _Writing(rest)
        slots, states, plan = read.slots, read.states, read.ahead
        base = slots.length - len(states) + 1
        while True:
            drafts = list(plan.drafts)
            choices, masks = states[: 1 + len(drafts)], states[1 + len(drafts) :]
            accepted = self._accept(chooser, writing, self._network.logits(choices), drafts, ends)
            refused = drafts[accepted:]
            if self._has_ended(writing, ends):
                break
            if control.out_of_time():
                writing.complete = False
                break
            control.check(len(writing.tokens))
            # The last token was chosen but not read; slots after the accepted tokens are dropped.
            slots.cut(base + len(writing.tokens) - 1)
            if len(masks) and accepted == plan.seen:
                drafter.learn(masks, writing.tokens)
            plan = drafter.plan(writing.tokens)
            on_pass(writing.tokens, refused, plan.drafts)
            states = self._network.read(plan.after(writing.tokens[-1:], slots), slots)
            writing.passes += 1
        on_pass(writing.tokens, refused, ())
        return writing.written(len(rest))

    def _has_ended(self, writing: _Writing, ends: Ends) -> bool:
        if writing.last is not None or len(writing.tokens) >= ends.tokens:
            return True
        if sum(writing.log_probs) < ends.unlikely:
            return True
        return ends.over is not None and ends.over(self._table.join(writing.tokens))

    def _accept(
        self, chooser: Chooser, writing: _Writing, logits: Tensor, drafts: list[int], ends: Ends
    ) -> int:
        """Take a pass's choices as far as the drafts were right; returns how many were."""
        for index, row in enumerate(logits):
            log_probs = chooser.log_probs(row, writing.rest)
            best = log_probs.topk(2)
            token, margin = int(best.indices[0]), float(best.values[0] - best.values[1])
            breaks = writing.breaks + self._table.text_of(token).count(b"\n")
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
        """The log-probability that `token` ends the text.

        If `token` holds text before its line break it counts alone, else all ways to end count
        together.
        """
        speaks = self._table.text_of(token).partition(b"\n")[0].strip()
        return float(log_probs[token]) if speaks else chooser.end(log_probs)
