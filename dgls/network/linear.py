"""Matrix products of a frozen network: in floating point, or in int8 with a scale a token."""

from __future__ import annotations

import threading
import warnings
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Linear(Protocol):
    """A frozen linear layer."""

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""


class Head(Linear, Protocol):
    """A linear layer of which a part can be had."""

    def part(self, outputs: Tensor) -> Linear:
        """The layer that gives the chosen `outputs` [n] alone."""


class DenseLinear:
    """A linear layer in the precision of its weight [outputs, inputs]."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""
        return functional.linear(rows, self._weight, self._bias)

    def part(self, outputs: Tensor) -> DenseLinear:
        """The layer that gives the chosen `outputs` [n] alone."""
        bias = None if self._bias is None else self._bias[outputs]
        return DenseLinear(self._weight[outputs], bias)


class Int8Linear:
    """A linear layer in 8 bits on a CPU: weights with a scale a channel, inputs with one a token.

    The first tokens of a text have activations a hundred times as large as the others, so each row
    needs its own scale, but FBGEMM takes one scale for all. Rows are therefore divided by their
    largest value before the product and multiplied by it afterwards. The result for a row does not
    depend on the other rows, so a token's logits do not depend on what else a pass reads.
    """

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None = None) -> None:
        """`weight` [outputs, inputs] in int8, `scales` [outputs] in fp32; both are copied."""
        zeros = torch.zeros(len(scales), dtype=torch.long)
        # What warnings do is a matter of the process, so that one thread at a time may change it.
        with _MAKING, warnings.catch_warnings():
            # Deprecated, and the only way into FBGEMM's products (docs/architecture.md).
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
            whole = torch._make_per_channel_quantized_tensor(weight, scales.double(), zeros, 0)
        self._packed = torch.ops.quantized.linear_prepack(whole, None)
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] in fp32 to [rows, outputs] in fp32."""
        scale = rows.abs().amax(-1, keepdim=True).clamp_min_(_TINY)
        out: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            rows / scale, 1 / _STEPS, _STEPS + 1, self._packed
        )
        out *= scale
        return out if self._bias is None else out.add_(self._bias)

    def part(self, outputs: Tensor) -> Int8Linear:
        """The layer that gives the chosen `outputs` [n] alone, its weights a copy."""
        whole, _ = torch.ops.quantized.linear_unpack(self._packed)
        bias = None if self._bias is None else self._bias[outputs]
        scales = whole.q_per_channel_scales()[outputs].float()
        return Int8Linear(whole.int_repr()[outputs], scales, bias)


def can_multiply_int8() -> bool:
    """Whether this machine's torch has the int8 products that `Int8Linear` needs."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[outputs, inputs] as int8 and the scales [outputs] that give the channels back."""
    scales = (weight.abs().amax(dim=1) / 127).clamp_min(_TINY)
    return (weight / scales[:, None]).round().clamp(-127, 127).to(torch.int8), scales.float()


_MAKING = threading.Lock()

_TINY = 1e-12

_STEPS = 127 if torch.cpu._is_vnni_supported() else 63
"""Steps of an input from 0 to 1. Without VNNI products of 8-bit inputs overflow: 7 bits then."""
