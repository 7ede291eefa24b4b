"""Drafts from prompt lookup: the tokens that followed an earlier match of the last tokens.

Prompt lookup decoding (Saxena 2023; Yang et al. 2023, arXiv:2304.04487).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_LONGEST = 8

_CHANCES = (
    (0.36, 0.72),
    (0.56, 0.75),
    (0.68, 0.77),
    (0.73, 0.79),
    (0.73, 0.82),
    (0.77, 0.85),
    (0.79, 0.87),
    (0.92, 0.94),
)
"""By length of the match: how often its first token is right, and each later one given that.

Measured on 900 fills of the laptop model in ten packages.
"""


class Lookup:
    """The tokens of a prompt, searched for earlier matches of its end."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._prompt: NDArray[np.int64] = np.asarray(prompt, dtype=np.int64)

    def likely(
        self, written: Sequence[int], most: int, least: float
    ) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """At most `most` tokens likely to follow the prompt and `written`, with probabilities.

        They follow the longest earlier match of the last tokens, the latest among equals. A
        probability is that of the token and all before it; the tokens end where it falls below
        `least`.
        """
        tokens = np.concatenate([self._prompt, np.asarray(written, dtype=np.int64)])
        start, length = _longest_match(tokens)
        if not length:
            return (), ()
        first, further = _CHANCES[length - 1]
        chances = [first * further**index for index in range(most)]
        chances = [chance for chance in chances if chance >= least]
        found = tuple(int(token) for token in tokens[start : start + len(chances)])
        return found, tuple(chances[: len(found)])


def _longest_match(tokens: NDArray[np.int64]) -> tuple[int, int]:
    """The end of the longest earlier match of the last tokens, and its length; 0 for no match."""
    if len(tokens) < 2:
        return 0, 0
    ends = np.nonzero(tokens[:-1] == tokens[-1])[0]
    if not len(ends):
        return 0, 0
    lengths = np.ones(len(ends), dtype=np.int64)
    alive = np.ones(len(ends), dtype=bool)
    for back in range(1, _LONGEST):
        places = ends - back
        alive &= (places >= 0) & (tokens[places] == tokens[-1 - back])
        if not alive.any():
            break
        lengths[alive] += 1
    best = len(lengths) - 1 - int(np.argmax(lengths[::-1]))
    return int(ends[best]) + 1, int(lengths[best])
