"""Drafts that cost nothing: what followed the last tokens where they were read before.

Prompt lookup decoding (Saxena 2023; Yang et al. 2023, arXiv:2304.04487).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST = 8


class Lookup:
    """The tokens of a prompt, searched for what its end repeats."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._prompt: NDArray[np.int64] = np.asarray(prompt, dtype=np.int64)

    def draft(self, written: Sequence[int], most: int) -> tuple[int, ...]:
        """At most `most` tokens that may follow the prompt and then `written`.

        They follow the longest earlier match of the last tokens; of equal ones the last. After a
        match of one token few follow, because it is rarely right for long.
        """
        tokens = np.concatenate([self._prompt, np.asarray(written, dtype=np.int64)])
        if len(tokens) < 2 or most <= 0:
            return ()
        ends = np.nonzero(tokens[:-1] == tokens[-1])[0]
        if not len(ends):
            return ()
        lengths = np.ones(len(ends), dtype=np.int64)
        alive = np.ones(len(ends), dtype=bool)
        for back in range(1, _LONGEST):
            places = ends - back
            alive &= (places >= 0) & (tokens[places] == tokens[-1 - back])
            if not alive.any():
                break
            lengths[alive] += 1
        best = len(lengths) - 1 - int(np.argmax(lengths[::-1]))
        start = int(ends[best]) + 1
        count = min(most, 2 if lengths[best] == 1 else most)
        return tuple(int(token) for token in tokens[start : start + count])
