"""glibc's allocator: what is freed is kept for a while, then given back to the system.

glibc maps every large block afresh, and the kernel then clears its pages again. A training step
or a denoise step frees and takes the same large blocks over and over; on a virtual machine the
page faults alone have cost most of the time (`docs/experiments.md`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_IS_LINUX = sys.platform.startswith("linux")

# The parameters of mallopt(3) by their numbers in malloc.h, and what they are set to.
# One arena, because fills in several threads would each keep what they freed.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8
_SETTINGS = (
    (_M_MMAP_MAX, 0),
    (_M_TRIM_THRESHOLD, 2**31 - 1),
    (_M_TOP_PAD, 64 * 2**20),
    (_M_ARENA_MAX, 1),
)


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed. False where there is another allocator."""
    mallopt = _function("mallopt")
    if mallopt is None:
        return False
    return all(mallopt(parameter, value) == 1 for parameter, value in _SETTINGS)


def give_back_freed_memory() -> None:
    """Give what was freed back to the system once, as after loading; later frees are kept."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library; None where it has none of that name, or is not Linux's."""
    if not _IS_LINUX:
        return None
    # A front-end needs it a minute after its start, not before its first answer.
    import ctypes

    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found


KEPT_S = 60.0
"""How long what was freed is kept for what comes next, in seconds."""


class FreedMemory:
    """What was freed: kept for what comes next, and given back once in `KEPT_S` seconds.

    Without that a process keeps the most that it ever needed. Giving back takes a front-end less
    than 1 ms and an engine some 10.
    """

    def __init__(
        self,
        give_back: Callable[[], None] = give_back_freed_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._give_back = give_back
        self._clock = clock
        self._given_back = clock()

    def after_work(self) -> None:
        """Give back what is due."""
        if self._clock() - self._given_back >= KEPT_S:
            self._give_back()
            self._given_back = self._clock()
