"""Scores given texts after a prompt, several in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dgls.inference.token_table import TokenTable
from dgls.inference.written import Chooser, Ends, Written
from dgls.network.qwen2 import Qwen2Network
from dgls.network.rows import Rows
from dgls.network.slots import Slots

_ROWS = 16
"""Logits of at most this many positions are held at once."""


class Scorer:
    """Scores texts with one network."""

    def __init__(self, network: Qwen2Network, table: TokenTable) -> None:
        self._network = network
        self._table = table

    @torch.inference_mode()
    def scores(
        self, slots: Slots, state: Tensor, rest: bytes, ends: Ends, texts: Sequence[Sequence[int]]
    ) -> tuple[Written, ...]:
        """The score of each text after the slots, all in one pass; the slots are then cut back.

        A text is its tokens, those of `rest` first and without the end. A text that does not begin
        with `rest` scores -inf.
        """
        chooser = Chooser(self._table, ends)
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
        device = self._network.device
        tokens = torch.tensor([token for text in texts for token in text], device=device)
        rows = Rows(tokens, torch.tensor(positions, device=device), mask.to(device))
        states = self._network.read(rows, slots)
        return [torch.cat([state, each]) for each in torch.split(states, lengths)]

    def _scored(
        self, chooser: Chooser, rest: bytes, tokens: Sequence[int], states: Tensor
    ) -> Written:
        """The score of one text; logits are computed for a few of its tokens at a time."""
        log_probs: list[float] = []
        margins: list[float] = []
        healed, end, joined, last = len(rest), 0.0, -math.inf, len(tokens) - 1
        for start in range(0, len(states), _ROWS):
            for index, row in enumerate(self._network.logits(states[start : start + _ROWS]), start):
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
        """The log-probability of the tokens that hold `token`'s text and a line break at once."""
        found = self._table.starting(self._table.text_of(token) + b"\n")
        return float(torch.logsumexp(log_probs[found], -1)) if found else -math.inf
