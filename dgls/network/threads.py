"""How many CPU threads a pass uses: all, or half of them, whichever is faster now."""

from __future__ import annotations

import time

import torch

_FEW_ROWS = 16
"""Passes of up to this many rows wait for memory, larger ones for arithmetic.

The two kinds are learned separately.
"""

_ROWS_FREE = 40
"""Up to this many rows cost about as much as reading the weights."""

_EVERY = 12
"""One pass in this many tries the other number of threads."""

_SUDDENLY = 1.6
"""A pass that takes this many times the expected time suggests another program on the cores."""

_WEIGHT = 0.5
"""The weight of the last pass in the expected time of the next."""


class Threads:
    """Sets torch's threads before a pass, and learns from its time.

    On an idle machine all threads are faster, on some machines by half. If a compiler uses the
    cores, each operation waits for a thread without a core, and half of the threads are faster.
    This changes while the user works, so it is measured: almost every pass uses the number that was
    faster recently.
    """

    def __init__(self) -> None:
        whole = torch.get_num_threads()
        self._kinds = tuple(_Kind(whole, max(1, whole // 2)) for _ in range(2))

    def begin(self, rows: int) -> float:
        """Set the threads for a pass over `rows` rows; returns the `begun` for `end`."""
        self._set(self._kind(rows).next())
        return time.perf_counter()

    def end(self, rows: int, begun: float) -> None:
        """Learn from a finished pass."""
        ms = 1000 * (time.perf_counter() - begun)
        self._kind(rows).learn(torch.get_num_threads(), ms / (rows + _ROWS_FREE))

    def choose(self, rows: int) -> None:
        """Set the threads for a smaller, untimed piece of work over `rows` rows."""
        self._set(self._kind(rows).quicker)

    def _kind(self, rows: int) -> _Kind:
        return self._kinds[rows > _FEW_ROWS]

    def _set(self, threads: int) -> None:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


class _Kind:
    """The times of passes of one kind with either number of threads."""

    def __init__(self, whole: int, half: int) -> None:
        self._whole, self._half = whole, half
        self._expected: dict[int, float] = {}
        self._passes = 0
        self._doubt = False

    @property
    def quicker(self) -> int:
        """The number of threads expected to be faster; an untried one counts as faster."""
        unknown = [each for each in (self._whole, self._half) if each not in self._expected]
        return unknown[0] if unknown else min(self._expected, key=self._expected.__getitem__)

    def next(self) -> int:
        """The number of threads of the next pass."""
        self._passes += 1
        doubted, self._doubt = self._doubt, False
        if doubted:
            return self._half
        if self._passes % _EVERY:
            return self.quicker
        return self._half if self.quicker == self._whole else self._whole

    def learn(self, threads: int, ms: float) -> None:
        """Record the time of a pass with `threads` threads, in milliseconds by its size."""
        if threads not in (self._whole, self._half):
            return
        expected = self._expected.get(threads, ms)
        # On a busy machine half of the threads are sometimes slow too, and still better.
        self._doubt = threads == self._whole == self.quicker and ms > _SUDDENLY * expected
        self._expected[threads] = _WEIGHT * ms + (1 - _WEIGHT) * expected
