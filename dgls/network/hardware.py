"""The default device, precision, threads and memory of a model."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from dgls.errors import SettingError

USUAL_BYTES = 64_000_000
"""Bytes for encoded prompts: room for about twenty of the embedded model."""


def chosen_device(device: str) -> torch.device:
    """The device of a setting; "auto" is CUDA if available, else the CPU.

    Raises `SettingError` for a device that this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        probe = torch.zeros(1, device=device)
        # A device without memory, such as "meta", fails here.
        probe.item()
        return probe.device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingError(
            f"This machine has no device {device!r} for torch; no model was loaded. "
            f'Set model.device to "auto" or "cpu".'
        ) from error


def chosen_dtype(device: torch.device, stored_bytes: int) -> torch.dtype:
    """The precision of a model whose weights take `stored_bytes`.

    bf16, except for a small model on the CPU: fp32 keeps its scores exact at no cost in time.
    """
    small = device.type == "cpu" and stored_bytes < _SMALL_BYTES
    return torch.float32 if small else torch.bfloat16


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the CPU multiplies bf16 matrices in hardware, about three times as fast as fp32."""
    checks = (getattr(torch.cpu, name, None) for name in _BF16_CHECKS)
    return device.type == "cpu" and any(check() for check in checks if check is not None)


def is_fast_in_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware: a GPU, or such a CPU."""
    return device.type == "cuda" or multiplies_bf16(device)


def set_threads(device: torch.device, threads: int, parameters: int) -> None:
    """Set torch's CPU threads to `threads`; 0 means one for a small model on the CPU.

    The operations of a small model take microseconds: two threads that wait for each other after
    each one gain little on an idle machine and lose much on a busy one.
    """
    if threads:
        torch.set_num_threads(threads)
    elif device.type == "cpu" and parameters < _SMALL_PARAMETERS:
        torch.set_num_threads(1)


def cores_used(device: str) -> int:
    """How many CPU cores a forward pass uses on a device; 0 on any but the CPU."""
    return torch.get_num_threads() if device.startswith("cpu") else 0


def free_memory(device: torch.device) -> int:
    """Bytes that a model may take now: a GPU's free memory, or what the system can free."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return _memory_bytes()
    available = next((line for line in lines if line.startswith("MemAvailable:")), None)
    return 1024 * int(available.split()[1]) if available else _memory_bytes()


def usual_batch(device: torch.device) -> int:
    """How many fills should share forward passes.

    One on the CPU: two fills together take nearly as long as in sequence, so the first would only
    be later (`docs/performance.md`). On a GPU a pass of several costs hardly more.
    """
    return 1 if device.type == "cpu" else 8


def cache_share(device: torch.device) -> int:
    """Bytes that encoded prompts may take.

    On a GPU an eighth of the free memory after the model is loaded; on the CPU, whose memory other
    programs need too, a hundredth of all memory.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free // 8
    return max(USUAL_BYTES, _memory_bytes() // 100)


def _memory_bytes() -> int:
    """The machine's memory in bytes; 0 if the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


_SMALL_PARAMETERS = 50_000_000
_SMALL_BYTES = 200_000_000
_BF16_CHECKS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
