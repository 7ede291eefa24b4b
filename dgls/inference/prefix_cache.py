"""Reuses encoded prompts: the longest common prefix of a prompt with earlier prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.network.hardware import USUAL_BYTES
from dgls.network.interface import Network
from dgls.network.past import Past, bytes_held
from dgls.text.common import common_length


@dataclass(frozen=True, slots=True)
class Prefix:
    """An encoded prompt.

    `last` [1, hidden] are the states of its last token, from which the first token after it is
    predicted. `cached` tokens were reused from an earlier prompt.
    """

    tokens: tuple[int, ...]
    past: Past
    last: Tensor
    cached: int


class PrefixCache:
    """Keeps recent prompts, so that typing in several files encodes only the new tokens.

    The result is exact: cutting a causal cache back changes nothing before the cut. If a sliding
    layer has dropped what the cut needs, the prompt is encoded from its start. Beyond `most_bytes`
    of memory, the least recently used prompts are dropped; the newest always stays.
    """

    def __init__(self, network: Network, most_bytes: int = USUAL_BYTES) -> None:
        self._network = network
        self._most_bytes = most_bytes
        self._entries: list[Prefix] = []

    @property
    def prompts(self) -> int:
        """How many prompts are kept."""
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """The memory that they take, in bytes."""
        return _bytes(self._entries)

    def encode(self, prompt: Sequence[int]) -> Prefix:
        """The encoded prompt, which must not be empty; it becomes the newest entry."""
        tokens = tuple(prompt)
        nearest = max(
            self._entries, key=lambda entry: common_length(entry.tokens, tokens), default=None
        )
        past = _reusable(nearest, tokens) if nearest else None
        if nearest is not None and past is not None and past.length == len(tokens):
            found = Prefix(tokens, past, nearest.last, cached=len(tokens))
        else:
            found = self._extend(tokens, past)
        self._keep(found, nearest)
        return found

    def clear(self) -> None:
        """Drop every prompt."""
        self._entries.clear()

    def _extend(self, tokens: tuple[int, ...], past: Past | None) -> Prefix:
        cached = past.length if past else 0
        new = torch.tensor([tokens[cached:]], device=self._network.device)
        states, extended = self._network.extend(new, past)
        # A view would keep the states of all tokens alive.
        return Prefix(tokens, extended, states[:, -1].clone(), cached)

    def _keep(self, prefix: Prefix, nearest: Prefix | None) -> None:
        """Put the newest entry first and drop the entry that it extends, if any."""
        grown = nearest is not None and 2 * prefix.cached >= len(nearest.tokens)
        others = [entry for entry in self._entries if not (grown and entry is nearest)]
        self._entries = [prefix, *others]
        while len(self._entries) > 1 and self.bytes > self._most_bytes:
            self._entries.pop()


def _bytes(entries: Sequence[Prefix]) -> int:
    held = [[entry.last, *entry.past.keys, *entry.past.values] for entry in entries]
    return bytes_held(tensor for tensors in held for tensor in tensors)


def _reusable(entry: Prefix, tokens: tuple[int, ...]) -> Past | None:
    """The part of an entry's cache that `tokens` share, or None if nothing can be reused.

    Only a fully encoded prompt has the states of its last token; a shorter match gives up its last
    token, which is encoded again.
    """
    common = common_length(entry.tokens, tokens)
    if common == len(tokens) and common < len(entry.tokens):
        common -= 1
    return entry.past.cut(common) if common else None
