"""How many CPU threads a pass takes: all, or half of them, whichever is quicker now."""

from __future__ import annotations

import time

import torch

_FEW_ROWS = 16
"""Passes of so many rows wait for memory, passes of more for arithmetic; each learns for itself."""

_ROWS_FREE = 40
"""So many rows cost about what reading the weights does, whatever the number of rows."""

_EVERY = 12
"""One pass in so many takes the other number of threads, to see whether it became the quicker."""

_SUDDENLY = 1.6
"""A pass that takes so many times what was expected tells of another program on the cores."""

_WEIGHT = 0.5
"""Of the last pass in what is expected of the next."""


class Threads:
    """Sets torch's threads before a pass, and learns from its time.

    On an idle machine all threads are quicker, on some by a half. Where a compiler uses the cores,
    each operation's end waits for a thread that has none, and half of the threads are quicker. What
    is true changes while one works, so it is measured: almost every pass takes the number that was
    the quicker one lately.
    """

    def __init__(self) -> None:
        whole = torch.get_num_threads()
        self._kinds = tuple(_Kind(whole, max(1, whole // 2)) for _ in range(2))

    def begin(self, rows: int) -> float:
        """Set the threads for a pass over so many rows; what `end` is to be told."""
        self._set(self._kind(rows).next())
        return time.perf_counter()

    def end(self, rows: int, begun: float) -> None:
        """Learn from a pass that is done."""
        ms = 1000 * (time.perf_counter() - begun)
        self._kind(rows).learn(torch.get_num_threads(), ms / (rows + _ROWS_FREE))

    def choose(self, rows: int) -> None:
        """Set the threads for a smaller piece of work over so many rows, which is not timed."""
        self._set(self._kind(rows).quicker)

    def _kind(self, rows: int) -> _Kind:
        return self._kinds[rows > _FEW_ROWS]

    def _set(self, threads: int) -> None:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


class _Kind:
    """What passes of one kind take with either number of threads."""

    def __init__(self, whole: int, half: int) -> None:
        self._whole, self._half = whole, half
        self._expected: dict[int, float] = {}
        self._passes = 0
        self._doubt = False

    @property
    def quicker(self) -> int:
        """The number of threads that is expected to be quicker; one that is not known yet is."""
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
        """Take the time of a pass with so many threads, in milliseconds by its size."""
        if threads not in (self._whole, self._half):
            return
        expected = self._expected.get(threads, ms)
        # On a busy machine half of the threads are slow now and then, too, and still better.
        self._doubt = threads == self._whole == self.quicker and ms > _SUDDENLY * expected
        self._expected[threads] = _WEIGHT * ms + (1 - _WEIGHT) * expected
