"""Reuses what was encoded: the longest common prefix of a prompt with earlier prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.models.network import Network
from dgls.models.past import Past


@dataclass(frozen=True, slots=True)
class Prefix:
    """An encoded prompt. `last` [1, hidden] are the states of its last token, from which the
    first token after it is predicted; `cached` tokens were not encoded again.
    """

    tokens: tuple[int, ...]
    past: Past
    last: Tensor
    cached: int


class PrefixCache:
    """Keeps the last few prompts, so that typing in several files encodes only what is new.

    The result is exact: cutting a causal cache back changes nothing before the cut. Where a
    sliding layer has dropped what lies before the cut, the prompt is encoded from its start.
    """

    def __init__(self, network: Network, entries: int = 4) -> None:
        self._network = network
        self._most = entries
        self._entries: list[Prefix] = []

    def encode(self, prompt: Sequence[int]) -> Prefix:
        """The encoded prompt, which must not be empty; the newest entry afterwards."""
        tokens = tuple(prompt)
        nearest = max(self._entries, key=lambda entry: _common(entry.tokens, tokens), default=None)
        past = _reusable(nearest, tokens) if nearest else None
        if nearest is not None and past is not None and past.length == len(tokens):
            found = Prefix(tokens, past, nearest.last, cached=len(tokens))
        else:
            found = self._extend(tokens, past)
        self._keep(found, nearest)
        return found

    def clear(self) -> None:
        """Forget every prompt."""
        self._entries.clear()

    def _extend(self, tokens: tuple[int, ...], past: Past | None) -> Prefix:
        cached = past.length if past else 0
        new = torch.tensor([tokens[cached:]], device=self._network.device)
        states, extended = self._network.extend(new, past)
        return Prefix(tokens, extended, states[:, -1], cached)

    def _keep(self, prefix: Prefix, nearest: Prefix | None) -> None:
        """Put the newest entry first; the one that it grew out of, if any, has served."""
        grown = nearest is not None and 2 * prefix.cached >= len(nearest.tokens)
        others = [entry for entry in self._entries if not (grown and entry is nearest)]
        self._entries = [prefix, *others][: self._most]


def _reusable(entry: Prefix, tokens: tuple[int, ...]) -> Past | None:
    """The part of an entry that `tokens` begin with, or None where nothing can be reused.

    Only a prompt that was encoded whole has the states of its last token; a shorter one gives
    its last token up, to be encoded again.
    """
    common = _common(entry.tokens, tokens)
    if common == len(tokens) and common < len(entry.tokens):
        common -= 1
    return entry.past.cut(common) if common else None


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
