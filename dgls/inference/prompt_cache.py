"""Keeps read prompts, so that typing in several files reads only the new tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.inference.drafts import NOTHING, Plan
from dgls.network.qwen2 import Qwen2Network
from dgls.network.rows import Rows
from dgls.network.slots import Slots
from dgls.text.common import common_length

_WORTH_COPYING = 48
"""A shared beginning with fewer tokens is read again instead of copied."""

_CHUNK = 256
"""Tokens of a prompt that are read at once; more would take memory and save no time."""

_FEW = 16
"""This many new tokens are read in one pass with the drafts."""

_USUAL_SLOTS = 1024
"""Slots for a prompt and what is written after it; all buffers have this size."""


@dataclass(slots=True)
class ReadPrompt:
    """A prompt in the slots, including its last token.

    `states` [1 + drafts + masks, width] are those of its last token and of what was read `ahead`.
    `cached` of its tokens were read before.
    """

    slots: Slots
    states: Tensor
    cached: int
    ahead: Plan = NOTHING

    def forget_ahead(self, length: int) -> None:
        """Cut the slots back to the prompt's `length` tokens, and the states to the last one's."""
        self.slots.cut(length)
        self.states, self.ahead = self.states[:1], NOTHING


@dataclass(slots=True)
class _Entry:
    tokens: tuple[int, ...]
    slots: Slots


class PromptCache:
    """The most recently read prompts, the newest first, within `most_bytes` of memory."""

    def __init__(self, network: Qwen2Network, most_bytes: int) -> None:
        self._network = network
        self._most_bytes = most_bytes
        self._entries: list[_Entry] = []

    def read(
        self,
        prompt: Sequence[int],
        ahead: Plan = NOTHING,
        check: Callable[[], None] = lambda: None,
    ) -> ReadPrompt:
        """Read the new tokens of a prompt, and the plan `ahead` in the same pass.

        The last token is always read, because its state is needed. The slots belong to the cache
        and are valid until the next call; whatever the caller reads into them and cuts away again
        leaves no trace. `check` is called often during a long read; if it raises, what was read
        until then is kept.
        """
        tokens = tuple(prompt)
        entry = self._entry_for(tokens)
        cached = min(common_length(entry.tokens, tokens), len(tokens) - 1)
        entry.slots.cut(cached)
        entry.tokens = tokens[:cached]
        self._entries = [entry, *(other for other in self._entries if other is not entry)]
        new, last = tokens[cached:], 1 + len(ahead)
        entry.slots.reserve(len(new) + last)
        while len(new) > _FEW:
            # The last token is read with the drafts, however much of the prompt is new.
            part, new = _parted(new)
            part_rows = Rows(torch.tensor(part, device=self._network.device))
            self._network.read(part_rows, entry.slots, last=1, check=check)
            entry.tokens = tokens[: entry.slots.length]
        states = self._network.read(ahead.after(new, entry.slots), entry.slots, last)
        entry.tokens = tokens
        self._forget()
        return ReadPrompt(entry.slots, states, cached, ahead)

    def known(self, prompt: Sequence[int]) -> int:
        """How many leading tokens of a prompt have been read already."""
        return max((common_length(entry.tokens, prompt) for entry in self._entries), default=0)

    @property
    def bytes(self) -> int:
        """The memory of all prompts, in bytes."""
        return sum(entry.slots.bytes for entry in self._entries)

    def clear(self) -> None:
        """Drop every prompt."""
        self._entries.clear()

    def _entry_for(self, tokens: tuple[int, ...]) -> _Entry:
        """The entry to extend to this prompt; a new one if the nearest is a different text."""
        nearest = max(
            self._entries, key=lambda each: common_length(each.tokens, tokens), default=None
        )
        common = common_length(nearest.tokens, tokens) if nearest else 0
        if nearest is not None and 2 * common >= len(nearest.tokens):
            return nearest
        slots = self._room()
        if nearest is None or common < _WORTH_COPYING:
            return _Entry((), slots)
        slots.become(nearest.slots, common)
        return _Entry(tokens[:common], slots)

    def _room(self) -> Slots:
        """Slots to read into: once memory is full, those of the least recently used prompt.

        Freeing and allocating buffers again would fragment the heap.
        """
        if len(self._entries) < 2 or self.bytes + self._entries[-1].slots.bytes <= self._most_bytes:
            return self._network.slots(_USUAL_SLOTS)
        return self._entries.pop().slots

    def _forget(self) -> None:
        while len(self._entries) > 2 and self.bytes > self._most_bytes:
            self._entries.pop()


def _parted(new: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The new tokens to read first, and the last ones, never empty."""
    count = min(_CHUNK, len(new) - 1)
    return new[:count], new[count:]
