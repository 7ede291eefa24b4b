"""Matrix products of a frozen network: in floating point, or in int8 with a scale per token."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.products import product_of


class Linear(Protocol):
    """A frozen linear layer."""

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""


class Head(Linear, Protocol):
    """A linear layer that can be reduced to some outputs."""

    def part(self, outputs: Tensor) -> Linear:
        """The layer that gives only the chosen `outputs` [n]."""


class DenseLinear:
    """A linear layer in the precision of its weight [outputs, inputs]."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = weight
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""
        return functional.linear(rows, self._weight, self._bias)

    def part(self, outputs: Tensor) -> DenseLinear:
        """The layer that gives only the chosen `outputs` [n]."""
        bias = None if self._bias is None else self._bias[outputs]
        return DenseLinear(self._weight[outputs], bias)


class Int8Linear:
    """A linear layer in 8 bits on a CPU: a scale per channel of weights and per token of inputs.

    The first tokens of a text have activations a hundred times as large as the others, so each row
    needs its own scale, but the products take one scale for all. Rows are therefore divided by
    their largest value before the product and multiplied by it afterwards. A row's result does not
    depend on the other rows, so a token's logits do not depend on what else a pass reads.
    """

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None = None) -> None:
        """`weight` [outputs, inputs] in int8, `scales` [outputs] in fp32; both are copied."""
        self._product = product_of(weight, scales)
        self._bias = bias

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] in fp32 to [rows, outputs] in fp32."""
        out = self._product(rows, rows.abs().amax(-1, keepdim=True).clamp_min_(_TINY))
        return out if self._bias is None else out.add_(self._bias)

    def part(self, outputs: Tensor) -> Int8Linear:
        """The layer that gives only the chosen `outputs` [n], with copied weights."""
        weight, scales = self._product.weights()
        bias = None if self._bias is None else self._bias[outputs]
        return Int8Linear(weight[outputs], scales[outputs], bias)


def can_multiply_int8() -> bool:
    """Whether this machine's torch has the int8 products that `Int8Linear` needs."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[outputs, inputs] as int8, and the scales [outputs] that restore the channels."""
    scales = (weight.abs().amax(dim=1) / 127).clamp_min(_TINY)
    return (weight / scales[:, None]).round().clamp(-127, 127).to(torch.int8), scales.float()


_TINY = 1e-12
