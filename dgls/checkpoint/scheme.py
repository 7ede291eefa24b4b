"""How the weights of the published family are held: in 16 bits, in 8, or the experts in 4.

Nine tenths of the weights are the experts', so those decide what fits. Attention and embedding are
held in more bits than they: in 4 bits they made others' models take more denoise steps.

    scheme   experts            attention, dense MLP, self-conditioning   embedding, router, norms
    none     bf16               bf16                                      bf16
    8bit     8 bits a row       8 bits a row                              bf16
    4bit     NF4                8 bits a row                              bf16

The embedding is also the output layer, which decides between tokens by small differences, and a
router that errs sends a token to other experts.
"""

from __future__ import annotations

import re
from enum import StrEnum

import torch
from torch import Tensor

from dgls.network.nf4 import BLOCK, Nf4, dequantize_nf4, quantize_nf4
from dgls.network.quantization import Rows8, dequantize_rows, quantize_rows


class Scheme(StrEnum):
    """What `model.quantization` may say, once "auto" has been decided."""

    NONE = "none"
    EIGHT = "8bit"
    FOUR = "4bit"


Held = Tensor | Rows8 | Nf4
"""A weight as it is held in memory."""

VERSION = 1
"""Counts up whenever the same weights would be held otherwise, so that what was kept is remade."""

_EXPERTS = re.compile(r"\.experts\.(gate_up|down)_proj$")
_LINEAR = re.compile(r"\.(self_attn|mlp|self_conditioning)\.\w+_proj\.weight$")


def kind_of(name: str, shape: torch.Size, scheme: Scheme) -> type[Tensor] | type[Rows8] | type[Nf4]:
    """How a scheme holds the weight of that name and shape."""
    experts = _EXPERTS.search(name) is not None
    if scheme is Scheme.FOUR and experts and shape[-1] % BLOCK == 0:
        return Nf4
    if scheme is not Scheme.NONE and (experts or _LINEAR.search(name)):
        return Rows8
    return Tensor


def hold(name: str, weight: Tensor, scheme: Scheme, dtype: torch.dtype) -> Held:
    """The weight as the scheme holds it, on its device; what is not quantised is in `dtype`."""
    kind = kind_of(name, weight.shape, scheme)
    if kind is Nf4:
        return quantize_nf4(weight)
    if kind is Rows8:
        return _in_rows(weight)
    return weight.to(dtype)


def widened(weight: Held, dtype: torch.dtype) -> Tensor:
    """The weight that is meant, rounded to `dtype` once: the plain path computes with this."""
    if isinstance(weight, Nf4):
        return dequantize_nf4(weight, dtype)
    if isinstance(weight, Rows8):
        return dequantize_rows(weight.steps, weight.scale).to(dtype)
    return weight.to(dtype)


def _in_rows(weight: Tensor) -> Rows8:
    """A weight in 8 bits, a matrix at a time: in fp32 all experts at once are several GB."""
    if weight.dim() == 2:
        return Rows8(*quantize_rows(weight))
    steps = torch.empty(weight.shape, dtype=torch.int8, device=weight.device)
    scale = torch.empty(weight.shape[:-1], dtype=torch.float32, device=weight.device)
    for index, matrix in enumerate(weight):
        steps[index], scale[index] = quantize_rows(matrix)
    return Rows8(steps, scale)
