"""What a stream writes, and what limits it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.inference.token_table import TokenTable

OnPass = Callable[[Sequence[int], Sequence[int], Sequence[int]], None]
"""Called after each pass with all tokens so far, the refused drafts, and the next drafts."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends a gap: a special token, the line break after `lines` lines, or `tokens` tokens.

    `over` tells from all bytes written, including the healed prefix, whether the text has left the
    gap. A greedy text ends where its log-probability falls below `unlikely` nats.
    """

    special: frozenset[int]
    lines: int
    tokens: int
    over: Callable[[bytes], bool] | None = None
    unlikely: float = -math.inf

    def reached(self, token: int, breaks: int) -> bool:
        """Whether `token` ends the gap, which with it has `breaks` line breaks."""
        return token in self.special or breaks >= self.lines


UNFINISHED = -1000.0
"""The score in nats of a text without an end: below that of any text with one."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the stream wrote.

    `tokens` exclude the token that ended the text. `log_probs` has one value for each in nats,
    given the healed prefix. `end` is the log-probability of ending there; `last` is the token that
    ended the text, None if a limit did: it may hold text before its line break. `margins` are the
    distances to the second choice in logits. The first `healed` bytes are the end of the prefix,
    written again. `complete` is False if time ran out.
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
        """The log-probability of the text and its end, in nats."""
        return sum(self.log_probs) + self.end

    @property
    def score(self) -> float:
        """`total`, or `UNFINISHED` for an abandoned text, because JSON has no infinity."""
        return max(self.total, UNFINISHED)

    def text(self, table: TokenTable, lines: int) -> str:
        """The text that it adds to the prefix, at most `lines` lines."""
        said = table.join(self.tokens) + (
            table.text_of(self.last) if self.last is not None else b""
        )
        text = said[self.healed :].decode("utf-8", "replace")
        return "\n".join(text.split("\n")[:lines]).removesuffix("\r")


class Chooser:
    """Chooses from logits [n, vocabulary]; the beginning of the text must be `rest`."""

    def __init__(self, table: TokenTable, ends: Ends) -> None:
        self._table = table
        ends_here = sorted(ends.special)
        if ends.lines == 1:
            ends_here += table.breaking.tolist()
        self._ends = torch.tensor(ends_here)

    def log_probs(self, logits: Tensor, rest: bytes) -> Tensor:
        """Log-probabilities [vocabulary] of the next token, limited to tokens that fit `rest`."""
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
        """The part of `rest` that is still to come after `token`."""
        return rest[len(self._table.text_of(token)) :]
