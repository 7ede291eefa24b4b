"""Recognizes that memory ran out, and makes the error for the refused fill."""

from __future__ import annotations

import torch

from dgls.errors import ModelMemoryError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory ran out: of a GPU, of Python, or of torch on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def not_enough_memory() -> ModelMemoryError:
    """The error for a fill that needs more memory than there is."""
    return ModelMemoryError(
        "There is not enough memory for a step of this fill; nothing was changed. Close "
        "other programs, or choose a smaller model."
    )


# torch has an error class only for GPUs; its CPU allocator raises a plain RuntimeError.
_SIGNS = ("DefaultCPUAllocator", "can't allocate memory", "std::bad_alloc")
