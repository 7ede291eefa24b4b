"""Predicts what followed the same tokens earlier in the prompt: code repeats its own names.

A cache language model (Kuhn and De Mori, "A cache-based natural language model for speech
recognition", 1990) over the tokens of one prompt. Its share of the prediction depends on the length
of the longest repeated context; the shares are fitted on held-out source and stored with the
checkpoint (`Metadata.cache_shares`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor


class NgramCache:
    """The continuations of every context of up to `len(shares)` tokens in `tokens`.

    `shares[n - 1]` is the cache's share of the prediction if the longest context seen before has n
    tokens. Without shares there is no cache.
    """

    def __init__(self, tokens: Sequence[int], shares: Sequence[float]) -> None:
        self._tokens = tuple(tokens)
        self._shares = tuple(shares)
        self._next: dict[tuple[int, ...], Counter[int]] = {}
        for index, token in enumerate(self._tokens):
            for order in range(1, min(len(shares), index) + 1):
                context = self._tokens[index - order : index]
                self._next.setdefault(context, Counter())[token] += 1

    def share(self, written: Sequence[int]) -> tuple[float, Counter[int]]:
        """The cache's share of the prediction after `written`, and the continuations."""
        most = len(self._shares)
        recent = (*self._tokens[-most:], *written)
        for order in range(min(most, len(recent)), 0, -1):
            found = self._next.get(recent[-order:])
            if found is not None:
                return self._shares[order - 1], found
        return 0.0, Counter()

    def mixed(self, log_probs: Tensor, written: Sequence[int]) -> Tensor:
        """The model's log-probabilities [vocabulary] of the next token mixed with the cache's."""
        share, found = self.share(written)
        if not share:
            return log_probs
        mixed = log_probs.exp() * (1 - share)
        total = found.total()
        ids = torch.tensor(list(found), device=mixed.device)
        counts = torch.tensor(list(found.values()), device=mixed.device, dtype=mixed.dtype)
        return mixed.index_add(0, ids, counts * (share / total)).log()

    def mixed_one(self, log_prob: float, token: int, written: Sequence[int]) -> float:
        """The same for one token: its log-probability in nats, mixed with the cache's."""
        share, found = self.share(written)
        if not share:
            return log_prob
        one = torch.tensor([log_prob], dtype=torch.float64).exp() * (1 - share)
        return float((one + share * found[token] / found.total()).log())


NO_CACHE = NgramCache((), ())
"""Leaves every prediction to the model."""
