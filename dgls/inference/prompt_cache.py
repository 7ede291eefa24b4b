"""Read prompts, kept so that typing in several files reads only what is new."""

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
"""A shared beginning of fewer tokens is read again rather than copied."""

_CHUNK = 256
"""Tokens of a prompt that are read at once; more would take memory and no less time."""

_FEW = 16
"""So many new tokens are read in one pass with the drafts."""

_USUAL_SLOTS = 1024
"""Room for a prompt and what is written after it, all buffers of one size."""


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


class PromptCache:
    """The prompts that were read last, the newest first, within `most_bytes` of memory."""

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
        """Read what is new of a prompt, and what is `ahead` of it in the same pass.

        The last token is always read, because its state is wanted. The slots belong to the cache:
        they are good until the next call, and what is read into them after the prompt and cut away
        again leaves no trace. `check` is called often while much is read; if it raises, what was
        read until then is kept.
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
            # The last token has a pass like those that follow, whatever of the prompt was new.
            part, new = _parted(new)
            part_rows = Rows(torch.tensor(part, device=self._network.device))
            self._network.read(part_rows, entry.slots, last=1, check=check)
            entry.tokens = tokens[: entry.slots.length]
        states = self._network.read(ahead.after(new, entry.slots), entry.slots, last)
        entry.tokens = tokens
        self._forget()
        return ReadPrompt(entry.slots, states, cached)

    def known(self, prompt: Sequence[int]) -> int:
        """How many tokens of a prompt's beginning were read."""
        return max((common_length(entry.tokens, prompt) for entry in self._entries), default=0)

    @property
    def bytes(self) -> int:
        """The memory that all prompts take."""
        return sum(entry.slots.bytes for entry in self._entries)

    def clear(self) -> None:
        """Forget every prompt."""
        self._entries.clear()

    def _entry_for(self, tokens: tuple[int, ...]) -> _Entry:
        """The entry that goes on as this prompt; a new one where the nearest is another text."""
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
        """Slots to read into: once the memory is full, those of the least recently used prompt.

        Buffers that are freed and taken again would break the heap into pieces.
        """
        if len(self._entries) < 2 or self.bytes + self._entries[-1].slots.bytes <= self._most_bytes:
            return self._network.slots(_USUAL_SLOTS)
        return self._entries.pop().slots

    def _forget(self) -> None:
        while len(self._entries) > 2 and self.bytes > self._most_bytes:
            self._entries.pop()


def _parted(new: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What of the new tokens is read first; the last one never is."""
    count = min(_CHUNK, len(new) - 1)
    return new[:count], new[count:]
