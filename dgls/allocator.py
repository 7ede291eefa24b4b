"""Tunes glibc's allocator: freed memory is kept for a while, then returned to the system.

By default glibc maps every large block anew, and the kernel clears its pages each time. A training
or denoise step frees and allocates the same large blocks repeatedly; on a virtual machine the page
faults alone took most of the time (`docs/experiments.md`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_IS_LINUX = sys.platform.startswith("linux")

# The parameters of mallopt(3) by their numbers in malloc.h, and their values. One arena, because
# with several each thread of a fill would keep its own freed memory.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8
_SETTINGS = (
    (_M_MMAP_MAX, 0),
    (_M_TRIM_THRESHOLD, 2**31 - 1),
    (_M_TOP_PAD, 64 * 2**20),
    (_M_ARENA_MAX, 1),
)


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep freed memory. False if the allocator is not glibc's."""
    mallopt = _function("mallopt")
    if mallopt is None:
        return False
    return all(mallopt(parameter, value) == 1 for parameter, value in _SETTINGS)


def give_back_freed_memory() -> None:
    """Return freed memory to the system once, as after loading; later frees are kept again."""
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library; None if it has none of that name, or is not Linux's."""
    if not _IS_LINUX:
        return None
    # A front-end needs this a minute after its start, so the import need not delay it.
    import ctypes

    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found


KEPT_S = 60.0
"""How long freed memory is kept for reuse, in seconds."""


class FreedMemory:
    """Freed memory: kept for reuse, and returned to the system once in `KEPT_S` seconds.

    Otherwise a process keeps its peak memory forever. Returning it takes less than 1 ms in a
    front-end and about 10 ms in an engine.
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
        """Return freed memory if it is due."""
        if self._clock() - self._given_back >= KEPT_S:
            self._give_back()
            self._given_back = self._clock()
