"""Freed memory is kept for a while, then returned to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dgls.allocator import KEPT_S, FreedMemory


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_freed_memory_is_returned_at_intervals_and_not_after_each_fill() -> None:
    clock, given = Clock(), []
    freed = FreedMemory(lambda: given.append(clock.now), clock)
    for second in range(0, 181, 10):
        clock.now = float(second)
        freed.after_work()
    assert given == [KEPT_S, 2 * KEPT_S, 3 * KEPT_S]


_MANY_FREED = """
import os, torch
from dgls.lab.bench.machine import resident_mb
from dgls.allocator import FreedMemory, keep_freed_memory
assert keep_freed_memory()
now = 0.0
freed = FreedMemory(clock=lambda: now)
kept = [torch.ones(2**18) for _ in range(400)]
held = kept[::2]
full = resident_mb(os.getpid())
kept.clear()
freed.after_work()
early = resident_mb(os.getpid())
now = 61.0
freed.after_work()
print(full, early, resident_mb(os.getpid()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="malloc_trim is glibc's")
def test_free_pieces_between_used_memory_are_returned() -> None:

    run = subprocess.run(
        [sys.executable, "-c", _MANY_FREED], capture_output=True, text=True, timeout=120, check=True
    )
    full, early, late = map(float, run.stdout.split())
    assert full - early < 20  # 200 MB were freed, and kept
    assert full - late > 150
