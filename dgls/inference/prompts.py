"""Read prompts, kept so that typing in several files reads only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dgls.inference.drafts import NOTHING, Plan, read_ahead
from dgls.network.qwen2 import Qwen2Network
from dgls.network.slots import Slots

_WORTH_COPYING = 48
"""A shared beginning of fewer tokens is read again rather than copied."""


@dataclass(slots=True)
class ReadPrompt:
    """A prompt in the slots, its last token included.

    `states` [1 + drafts + masks, width] are those of its last token and of what was read ahead.
    `cached` of its tokens were read before.
    """

    slots: Slots
    states: Tensor
    cached: int


@dataclass(slots=True)
class _Entry:
    tokens: tuple[int, ...]
    slots: Slots


class Prompts:
    """The prompts that were read last, the newest first, within `most_bytes` of memory."""

    def __init__(self, network: Qwen2Network, most_bytes: int) -> None:
        self._network = network
        self._most_bytes = most_bytes
        self._entries: list[_Entry] = []

    def read(self, prompt: Sequence[int], ahead: Plan = NOTHING) -> ReadPrompt:
        """Read what is new of a prompt, and what is `ahead` of it in the same pass.

        The last token is always read, because its state is wanted. The slots belong to the cache:
        they are good until the next call, and what is read into them after the prompt and cut away
        again leaves no trace.
        """
        tokens = tuple(prompt)
        entry = self._entry_for(tokens)
        cached = min(_common(entry.tokens, tokens), len(tokens) - 1)
        entry.slots.cut(cached)
        entry.tokens = tokens
        new, last = tokens[cached:], 1 + ahead.rows
        states = read_ahead(self._network, entry.slots, new, ahead, last)
        self._entries = [entry, *(other for other in self._entries if other is not entry)]
        self._forget()
        return ReadPrompt(entry.slots, states, cached)

    @property
    def bytes(self) -> int:
        """The memory that all prompts take."""
        return sum(entry.slots.bytes for entry in self._entries)

    def clear(self) -> None:
        """Forget every prompt."""
        self._entries.clear()

    def _entry_for(self, tokens: tuple[int, ...]) -> _Entry:
        """The entry that goes on as this prompt; a new one where the nearest is another text."""
        nearest = max(self._entries, key=lambda each: _common(each.tokens, tokens), default=None)
        common = _common(nearest.tokens, tokens) if nearest else 0
        if nearest is not None and 2 * common >= len(nearest.tokens):
            return nearest
        if nearest is not None and common >= _WORTH_COPYING:
            return _Entry(tokens[:common], nearest.slots.copy(common))
        return _Entry((), self._network.slots(len(tokens) + 64))

    def _forget(self) -> None:
        while len(self._entries) > 1 and self.bytes > self._most_bytes:
            self._entries.pop()


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
