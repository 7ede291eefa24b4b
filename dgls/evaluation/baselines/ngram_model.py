"""An n-gram language model over token numbers, with Witten-Bell interpolation.

p(w | h) = (c(h, w) + t(h) p(w | h')) / (c(h) + t(h)), where h' is the history h without its
oldest token, c counts, and t(h) is how many different tokens follow h (Witten and Bell, "The
zero-frequency problem", 1991; in the interpolated form of Chen and Goodman, 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Probabilities = NDArray[np.float64]

ORDER = 3
_BITS = 21
_UNKNOWN = (1 << _BITS) - 1
MOST_TOKENS = _UNKNOWN
"""Different tokens that a vocabulary may have: three numbers must fit into one of 64 bits."""


@dataclass(frozen=True)
class _Table:
    """All n-grams of one length: `keys` sorted, [n-grams], each packed into one number.

    `before` [n-grams + 1] is how many n-grams, repeated ones counted, come before each.
    """

    keys: Ids
    before: Ids

    @classmethod
    def of(cls, ids: Ids, length: int) -> _Table:
        keys = np.zeros(max(0, len(ids) - length + 1), dtype=np.int64)
        for offset in range(length):
            keys = (keys << _BITS) | ids[offset : offset + len(keys)]
        unique, counts = np.unique(keys, return_counts=True)
        return cls(unique, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))

    def range(self, history: int) -> tuple[int, int]:
        """Where the n-grams that begin with a packed history stand."""
        start, end = np.searchsorted(self.keys, [history << _BITS, (history + 1) << _BITS])
        return int(start), int(end)

    def counts(self, history: int, tokens: Ids) -> Ids:
        """How often each of `tokens` follows the history, [tokens]."""
        wanted = (history << _BITS) | tokens
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        counts = self.before[places + 1] - self.before[places]
        return np.where(self.keys[places] == wanted, counts, 0)

    def most_frequent(self, history: int, most: int) -> Ids:
        """At most `most` tokens that follow the history most often."""
        start, end = self.range(history)
        counts = np.diff(self.before[start : end + 1])
        # The place breaks ties, so that the choice does not depend on the sorting algorithm.
        order = np.lexsort((np.arange(len(counts)), -counts))[:most]
        return self.keys[start:end][order] & _UNKNOWN


@dataclass(frozen=True)
class NgramModel:
    """Counts of one to three tokens in a row. `size` is the number of tokens that there may be."""

    tables: tuple[_Table, ...]
    size: int
    _likely: dict[tuple[int, ...], Ids] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, ids: Sequence[int] | Ids, size: int) -> NgramModel:
        """Count the n-grams of `ids`, whose numbers are below `MOST_TOKENS`."""
        array = np.asarray(ids, dtype=np.int64)
        return cls(tuple(_Table.of(array, length) for length in range(1, ORDER + 1)), size)

    def probabilities(self, history: Sequence[int], tokens: Ids) -> Probabilities:
        """p(token | history) for each of `tokens`, [tokens]; only the last two ids are read."""
        result = np.full(len(tokens), 1.0 / max(1, self.size))
        for table, packed in self._levels(history):
            start, end = table.range(packed)
            if start == end:
                break
            total = int(table.before[end] - table.before[start])
            kinds = end - start
            result = (table.counts(packed, tokens) + kinds * result) / (total + kinds)
        return result

    def likely(self, history: Sequence[int], most: int) -> Ids:
        """At most `most` tokens of each order that follow the history most often."""
        found = [self._most_frequent(*level, most) for level in self._levels(history)]
        return np.unique(np.concatenate(found))

    def _most_frequent(self, table: _Table, packed: int, most: int) -> Ids:
        """Remembered, because frequent histories have tens of thousands of tokens behind them."""
        key = (id(table), packed, most)
        if key not in self._likely:
            self._likely[key] = table.most_frequent(packed, most)
        return self._likely[key]

    def _levels(self, history: Sequence[int]) -> list[tuple[_Table, int]]:
        """The tables from single tokens upwards, each with the packed history that it needs."""
        levels = []
        for length, table in enumerate(self.tables):
            if length > len(history):
                break
            packed = 0
            for number in history[len(history) - length :]:
                packed = (packed << _BITS) | number
            levels.append((table, packed))
        return levels
