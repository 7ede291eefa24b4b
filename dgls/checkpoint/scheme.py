"""The precision of the published family's weights: 16 bits, 8 bits, or experts in 4 bits.

The experts have nine tenths of the weights, so their precision decides what fits. Attention and
embedding get more bits: in 4 bits they increased the number of denoise steps in others' models.

    scheme   experts            attention, dense MLP, self-conditioning   embedding, router, norms
    none     bf16               bf16                                      bf16
    8bit     8 bits, row scale  8 bits, row scale                         bf16
    4bit     NF4                8 bits, row scale                         bf16

The embedding is also the output layer, which decides between tokens by small differences, and
errors in a router send a token to the wrong experts.
"""

from __future__ import annotations

import re
from enum import StrEnum

import torch
from torch import Tensor

from dgls.network.nf4 import BLOCK, Nf4, dequantize_nf4, quantize_nf4
from dgls.network.quantization import Rows8, dequantize_rows, quantize_rows


class Scheme(StrEnum):
    """The values of `model.quantization` once "auto" has been resolved."""

    NONE = "none"
    EIGHT = "8bit"
    FOUR = "4bit"


Held = Tensor | Rows8 | Nf4
"""A weight as it is held in memory."""

VERSION = 1
"""Incremented whenever the stored form of weights changes, so that kept files are made again."""

_EXPERTS = re.compile(r"\.experts\.(gate_up|down)_proj$")
_LINEAR = re.compile(r"\.(self_attn|mlp|self_conditioning)\.\w+_proj\.weight$")


def kind_of(name: str, shape: torch.Size, scheme: Scheme) -> type[Tensor] | type[Rows8] | type[Nf4]:
    """How a scheme stores the weight of that name and shape."""
    experts = _EXPERTS.search(name) is not None
    if scheme is Scheme.FOUR and experts and shape[-1] % BLOCK == 0:
        return Nf4
    if scheme is not Scheme.NONE and (experts or _LINEAR.search(name)):
        return Rows8
    return Tensor


def hold(name: str, weight: Tensor, scheme: Scheme, dtype: torch.dtype) -> Held:
    """The weight in the scheme's form, on its device; unquantised ones get `dtype`."""
    kind = kind_of(name, weight.shape, scheme)
    if kind is Nf4:
        return quantize_nf4(weight)
    if kind is Rows8:
        return _in_rows(weight)
    return weight.to(dtype)


def widened(weight: Held, dtype: torch.dtype) -> Tensor:
    """The dequantised weight, rounded to `dtype` once, for the plain path."""
    if isinstance(weight, Nf4):
        return dequantize_nf4(weight, dtype)
    if isinstance(weight, Rows8):
        return dequantize_rows(weight.steps, weight.scale).to(dtype)
    return weight.to(dtype)


def _in_rows(weight: Tensor) -> Rows8:
    """A weight in 8 bits, one matrix at a time: all experts in fp32 at once take several GB."""
    if weight.dim() == 2:
        return Rows8(*quantize_rows(weight))
    steps = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scale = torch.empty(weight.shape[:-1], dtype=torch.float32, device=weight.device)
    for index, matrix in enumerate(weight):
        steps[index], scale[index] = quantize_rows(matrix)
    return Rows8(steps, scale)
