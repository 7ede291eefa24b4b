"""Weights in 8 bits: one scale for each row of a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

SCALE = ".row_scale"
"""What the name of a stored matrix's scales ends with."""

_LEVELS = 127.0


@dataclass(frozen=True, slots=True)
class Rows8:
    """A weight in 8 bits: int8 `steps` [..., rows, columns] and fp32 `scale` [..., rows]."""

    steps: Tensor
    scale: Tensor

    @property
    def shape(self) -> torch.Size:
        """The shape of the weight that this stands for."""
        return self.steps.shape

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return self.steps.nbytes + self.scale.nbytes

    def __getitem__(self, index: int) -> Rows8:
        """One expert of several: a view."""
        return Rows8(self.steps[index], self.scale[index])

    def to(self, device: torch.device | str) -> Rows8:
        """The same on another device."""
        return Rows8(self.steps.to(device), self.scale.to(device))


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[..., rows, columns] to int8 of the same shape and fp32 scales [..., rows].

    Symmetric and to nearest, so that no weight moves by more than half a step: scale / 2.
    """
    wide = weight.detach().float()
    scale = wide.abs().amax(dim=-1).clamp_min(torch.finfo(torch.float32).tiny) / _LEVELS
    steps = torch.round(wide / scale.unsqueeze(-1)).clamp(-_LEVELS, _LEVELS)
    return steps.to(torch.int8), scale


def dequantize_rows(steps: Tensor, scale: Tensor) -> Tensor:
    """The fp32 matrix of int8 `steps` [..., rows, columns] and `scale` [..., rows]."""
    return steps.float() * scale.float().unsqueeze(-1)


def narrow(state: Mapping[str, Tensor], bits: int) -> dict[str, Tensor]:
    """What to store for a state dict: matrices in `bits` (8, 16 or 32), vectors in at least 16."""
    stored: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if bits == 8 and tensor.dim() >= 2:
            stored[name], stored[name + SCALE] = quantize_rows(tensor)
        else:
            stored[name] = tensor.detach().to(torch.bfloat16 if bits == 16 else torch.float32)
    return {name: tensor.cpu().contiguous().clone() for name, tensor in stored.items()}


def widen(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict again, quantised matrices as fp32, all others as they are.

    Raises `ValueError` for one that has scales and is not in 8 bits.
    """
    for name, tensor in stored.items():
        if name + SCALE in stored and tensor.dtype is not torch.int8:
            raise ValueError(f"{name} has scales and is not in 8 bits")
    return {
        name: dequantize_rows(tensor, stored[name + SCALE]) if name + SCALE in stored else tensor
        for name, tensor in stored.items()
        if not name.endswith(SCALE)
    }
