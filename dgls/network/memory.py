"""Memory: what tensors free is kept, and what says that there is none left.

glibc maps every large block afresh, and the kernel then clears its pages again. A training step
or a denoise step frees and takes the same large blocks over and over; on a virtual machine the
page faults alone have cost most of the time (`docs/experiments.md`).
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

import torch

from dgls.errors import ModelMemoryError

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
    if not _IS_LINUX:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(parameter, value) == 1 for parameter, value in _SETTINGS)


def give_back_freed_memory() -> None:
    """Give what was freed back to the system once, as after loading; later frees are kept."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _IS_LINUX else None
    if trim is not None:
        trim(0)


KEPT_S = 60.0
"""How long what was freed is kept for the next fill, in seconds."""


class FreedMemory:
    """What fills freed: kept for the next ones, and given back once in `KEPT_S` seconds.

    Without that a process keeps the most that any fill ever needed. Giving back takes some 10 ms.
    """

    def __init__(
        self,
        give_back: Callable[[], None] = give_back_freed_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._give_back = give_back
        self._clock = clock
        self._given_back = clock()

    def after_fill(self) -> None:
        """Give back what is due."""
        if self._clock() - self._given_back >= KEPT_S:
            self._give_back()
            self._given_back = self._clock()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out: of a GPU, of Python, or of torch on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def not_enough_memory() -> ModelMemoryError:
    """What a fill is refused with that needs more memory than there is."""
    return ModelMemoryError(
        "There is not enough memory for a step of this fill; nothing was changed. Close what else "
        "uses the memory, or take a smaller model."
    )


# torch has a class for GPUs alone; its allocator for the CPU raises a plain RuntimeError.
_SIGNS = ("DefaultCPUAllocator", "can't allocate memory", "std::bad_alloc")
