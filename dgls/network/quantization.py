"""Weights in 8 bits: one scale for each row of a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

SCALE = ".row_scale"
"""The suffix of the name of a stored matrix's scales."""

_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Rows8:
    """A weight in 8 bits: int8 `steps` [..., rows, columns] and fp32 `scale` [..., rows]."""

    steps: Tensor
    scale: Tensor

    @property
    def shape(self) -> torch.Size:
        """The shape of the dequantised weight."""
        return self.steps.shape

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return self.steps.nbytes + self.scale.nbytes

    def __getitem__(self, index: int) -> Rows8:
        """One of several experts, as a view."""
        return Rows8(self.steps[index], self.scale[index])

    def to(self, device: torch.device | str) -> Rows8:
        """The same weight on another device."""
        return Rows8(self.steps.to(device), self.scale.to(device))


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[..., rows, columns] to int8 of the same shape and fp32 scales [..., rows].

    Symmetric, rounded to nearest, so that no weight changes by more than half a step: scale / 2.
    """
    wide = weight.detach().float()
    scale = wide.abs().amax(dim=-1).clamp_min(torch.finfo(torch.float32).tiny) / _LEVELS
    steps = torch.round(wide / scale.unsqueeze(-1)).clamp(-_LEVELS, _LEVELS)
    return steps.to(torch.int8), scale


def dequantize_rows(steps: Tensor, scale: Tensor) -> Tensor:
    """The fp32 matrix of int8 `steps` [..., rows, columns] and `scale` [..., rows]."""
    return steps.float() * scale.float().unsqueeze(-1)


def narrow(state: Mapping[str, Tensor], bits: int) -> dict[str, Tensor]:
    """A state dict to store: matrices in `bits` (8, 16 or 32), vectors in at least 16."""
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if bits == 8 and tensor.dim() >= 2:
            stored[name], stored[name + SCALE] = quantize_rows(tensor)
        else:
            stored[name] = tensor.detach().to(torch.bfloat16 if bits == 16 else torch.float32)
    return {name: tensor.cpu().contiguous().clone() for name, tensor in stored.items()}


def widen(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The restored state dict: quantised matrices as fp32, all others unchanged.

    Raises `ValueError` for a matrix with scales that is not in 8 bits.
    """
    for name, tensor in stored.items():
        if name + SCALE in stored and tensor.dtype is not torch.int8:
            raise ValueError(f"{name} has scales and is not in 8 bits")
    return {
        name: dequantize_rows(tensor, stored[name + SCALE]) if name + SCALE in stored else tensor
        for name, tensor in stored.items()
        if not name.endswith(SCALE)
    }
