"""Where a model runs and in which precision, when the settings leave it open."""

from __future__ import annotations

import torch

from dgls.errors import SettingError


def chosen_device(device: str) -> torch.device:
    """The device of a setting; "auto" takes CUDA where there is one, else the CPU.

    Raises `SettingError` for a device that this machine does not have.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingError(
            f"This machine has no device {device!r} for torch; no model was loaded. "
            f'Set model.device to "auto" or "cpu".'
        ) from error


def chosen_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the hardware multiplies it at least as fast as fp32, else fp32."""
    if device.type != "cpu":
        return torch.bfloat16
    supports = (getattr(torch.cpu, name, None) for name in _BF16_CHECKS)
    fast = any(check() for check in supports if check is not None)
    return torch.bfloat16 if fast else torch.float32


def set_threads(device: torch.device, threads: int, parameters: int) -> None:
    """Set torch's CPU threads to `threads`; 0 takes one for a small model on the CPU.

    The operations of a small model take microseconds: two threads that wait for each other at
    the end of each win little on an idle machine and lose much on a busy one.
    """
    if threads:
        torch.set_num_threads(threads)
    elif device.type == "cpu" and parameters < _SMALL:
        torch.set_num_threads(1)


_SMALL = 50_000_000
_BF16_CHECKS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
