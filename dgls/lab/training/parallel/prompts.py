"""Prompts of one length, drawn from cuts: suffix first, which fills best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgls.errors import TrainingError
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.cuts import Cuts

MARKS = 3
_PREFIX_SHARE = 0.65


@dataclass(frozen=True)
class Prompts:
    """A batch: `ids` [batch, length] are rows of the base's vocabulary."""

    ids: Tensor
    one_line: Tensor
    language: NDArray[np.int8]


class PromptSource:
    """Draws batches of prompts; every cut comes once before any repeats."""

    def __init__(
        self, cuts: Cuts, base: Base, marks: Sequence[int], seed: int, *, heldout: bool
    ) -> None:
        """`marks` are the rows of the special tokens before the prefix, the middle and the suffix.

        Raises `TrainingError` if the corpus has no such gaps.
        """
        self._cuts = cuts
        self._seed = seed
        self._row_of = _rows_by_id(base)
        mine = np.flatnonzero(cuts.heldout[cuts.origin] == heldout)
        if not len(mine):
            part = "held-out" if heldout else "training"
            raise TrainingError(f"The corpus has no {part} gaps; nothing was trained.")
        self._mine = mine
        self._marks = marks
        self.go_on(0)

    def go_on(self, step: int) -> None:
        """Start a new order of cuts, so that a run resumed at `step` does not repeat any soon."""
        rng, mine = np.random.default_rng((self._seed, step)), self._mine
        self._queues = [_Queue(mine[self._language(mine) == k], rng) for k in self._present]

    @property
    def _present(self) -> range:
        return range(len(self._cuts.languages))

    def _language(self, cuts: NDArray[np.int64]) -> NDArray[np.int8]:
        found: NDArray[np.int8] = self._cuts.language[self._cuts.origin[cuts]]
        return found

    def batch(self, count: int, length: int) -> Prompts:
        """`count` prompts of `length` tokens, equally many of each language."""
        queues = [queue for queue in self._queues if queue.size]
        ids, chosen = [], []
        for index in range(count):
            cut, prompt = self._next(queues[index % len(queues)], length)
            ids.append(prompt)
            chosen.append(cut)
        places = np.array(chosen)
        return Prompts(
            torch.from_numpy(np.stack(ids)),
            torch.from_numpy(self._cuts.one_line[places]),
            self._language(places),
        )

    def _next(self, queue: _Queue, length: int) -> tuple[int, NDArray[np.int64]]:
        for _ in range(2 * queue.size):
            cut = queue.take()
            if (prompt := self.prompt(cut, length)) is not None:
                return cut, prompt
        raise TrainingError(
            f"No file of the corpus is long enough for prompts of {length} tokens; nothing was "
            f"trained. Give more source files, or shorter prompts."
        )

    def prompt(self, cut: int, length: int) -> NDArray[np.int64] | None:
        """The prompt of `cut` in exactly `length` tokens; None if its file is too short."""
        cuts = self._cuts
        first, last = cuts.bounds[cuts.origin[cut]], cuts.bounds[cuts.origin[cut] + 1]
        start, resume = int(cuts.start[cut]), int(cuts.resume[cut])
        head = cuts.head[cut][cuts.head[cut] >= 0]
        room = length - MARKS
        before, after = start - first, len(head) + last - resume
        prefix = int(min(before, max(round(_PREFIX_SHARE * room), room - after)))
        if room - prefix > after:
            return None
        suffix = np.concatenate((head, cuts.tokens[resume : resume + room]))[: room - prefix]
        text = self._row_of[np.concatenate((suffix, cuts.tokens[start - prefix : start]))]
        if (text < 0).any():
            return None
        marks = self._marks
        return np.concatenate(
            ([marks[0], marks[2]], text[: len(suffix)], [marks[1]], text[len(suffix) :])
        )


class _Queue:
    """Cuts in a random order that starts again when all were taken."""

    def __init__(self, cuts: NDArray[np.int64], rng: np.random.Generator) -> None:
        self._cuts, self._rng, self._next = cuts, rng, len(cuts)
        self.size = len(cuts)

    def take(self) -> int:
        if self._next >= self.size:
            self._cuts, self._next = self._rng.permutation(self._cuts), 0
        self._next += 1
        return int(self._cuts[self._next - 1])


def _rows_by_id(base: Base) -> NDArray[np.int64]:
    """The base's row of each published token id, -1 if it has none."""
    ids = base.token_ids.cpu().numpy()
    rows = np.full(int(ids.max()) + 1, -1, dtype=np.int64)
    rows[ids] = np.arange(len(ids))
    return rows
