"""Keeps the memory that tensors free, instead of giving it back to the system each time.

glibc maps every large block afresh, and the kernel then clears its pages again. A training step
or a denoise step frees and takes the same large blocks over and over; on a virtual machine the
page faults alone have cost most of the time (`docs/experiments.md`).
"""

from __future__ import annotations

import ctypes
import sys

# The parameters of mallopt(3) by their numbers in malloc.h, and what they are set to.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_SETTINGS = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, 2**31 - 1), (_M_TOP_PAD, 64 * 2**20))


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed. False where there is another allocator."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(parameter, value) == 1 for parameter, value in _SETTINGS)
