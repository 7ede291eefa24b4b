"""Weights in 4 bits: NormalFloat (NF4) of the QLoRA paper, https://arxiv.org/abs/2305.14314.

The format of a weight [..., rows, columns] whose columns are a multiple of `BLOCK`:

    packed  uint8 [..., rows, columns / 2]    column 2j in the high half of byte j, 2j+1 in the low
    absmax  bf16  [..., rows, columns / 64]   the largest absolute value of each block

A weight is `LEVELS[its half byte] * absmax[its block]`, multiplied in fp32 and rounded once: 4.25
bits per weight. Blocks lie within a row, so experts, rows and column blocks can be read, cut and
multiplied separately. The levels and the order of the halves are those of bitsandbytes, whose
blocks continue from row to row, which is the same if a row has whole blocks. Its absmax has 32
bits, which gains nothing here, because the largest of bf16 weights is a bf16 number.

This is plain torch, and the reference for every faster path: it runs without a GPU and without
other libraries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 64
"""This many weights of a row share one scale."""

LEVELS = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
"""The quantiles of a normal distribution, scaled to [-1, 1], with an exact zero (appendix E)."""


@dataclass(frozen=True, slots=True)
class Nf4:
    """A weight in 4 bits; the shapes are those of the module's description."""

    packed: Tensor
    absmax: Tensor

    @property
    def shape(self) -> torch.Size:
        """The shape of the dequantised weight."""
        return torch.Size([*self.packed.shape[:-1], 2 * self.packed.shape[-1]])

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return self.packed.nbytes + self.absmax.nbytes

    def __getitem__(self, index: int) -> Nf4:
        """One of several experts, as a view."""
        return Nf4(self.packed[index], self.absmax[index])

    def to(self, device: torch.device | str) -> Nf4:
        """The same weight on another device."""
        return Nf4(self.packed.to(device), self.absmax.to(device))


def quantize_nf4(weight: Tensor) -> Nf4:
    """The nearest levels of a weight [..., rows, columns]; in fp32, one matrix at a time."""
    if weight.dim() > 2:
        parts = [quantize_nf4(matrix) for matrix in weight]
        return Nf4(
            torch.stack([part.packed for part in parts]),
            torch.stack([part.absmax for part in parts]),
        )
    blocks = _in_blocks(weight.detach().float())
    absmax = blocks.abs().amax(dim=-1).to(torch.bfloat16)
    # A block of zeros is level 7 for any divisor.
    scale = absmax.float().clamp_min(torch.finfo(torch.float32).tiny)
    nearest = torch.bucketize(blocks / scale.unsqueeze(-1), _midpoints(weight.device))
    halves = nearest.to(torch.uint8).flatten(-2)
    return Nf4(halves[..., 0::2] << 4 | halves[..., 1::2], absmax)


def dequantize_nf4(weight: Nf4, dtype: torch.dtype = torch.float32) -> Tensor:
    """The dequantised weight [..., rows, columns], rounded to `dtype` once."""
    halves = torch.stack([weight.packed >> 4, weight.packed & 15], dim=-1).flatten(-2)
    levels = torch.tensor(LEVELS, device=halves.device)[halves.int()]
    blocks = _in_blocks(levels) * weight.absmax.float().unsqueeze(-1)
    return blocks.flatten(-2).to(dtype)


def _in_blocks(weight: Tensor) -> Tensor:
    """[..., columns] to [..., columns / BLOCK, BLOCK]."""
    return weight.reshape(*weight.shape[:-1], -1, BLOCK)


def _midpoints(device: torch.device) -> Tensor:
    """The midpoints between adjacent levels: fp32 [15]."""
    levels = torch.tensor(LEVELS, device=device)
    return (levels[1:] + levels[:-1]) / 2
