"""What a stream writes, and what ends and bounds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.inference.token_table import TokenTable

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


UNFINISHED = -1000.0
"""The score of a text without an end, in nats: below that of any text with one."""


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

    @property
    def score(self) -> float:
        """`total`, and `UNFINISHED` for a text that was given up: JSON has no infinity."""
        return max(self.total, UNFINISHED)

    def text(self, table: TokenTable, lines: int) -> str:
        """What it adds to the prefix, `lines` lines at most."""
        said = table.join(self.tokens) + (
            table.text_of(self.last) if self.last is not None else b""
        )
        text = said[self.healed :].decode("utf-8", "replace")
        return "\n".join(text.split("\n")[:lines]).removesuffix("\r")


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
