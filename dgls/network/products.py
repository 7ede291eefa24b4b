"""Products of 8-bit matrices on a CPU, by the fastest library for it.

A row's result is bit-exactly the same whatever other rows are read with it; otherwise drafts that
are verified several at a time would change the text.
"""

from __future__ import annotations

import functools
import os
import threading
import warnings
from typing import Protocol

import torch
from torch import Tensor


class Product(Protocol):
    """Multiplies rows by a frozen weight."""

    def __call__(self, rows: Tensor, largest: Tensor) -> Tensor:
        """[rows, inputs] in fp32, none above its row's `largest` [rows, 1], to [rows, outputs]."""

    def weights(self) -> tuple[Tensor, Tensor]:
        """The weight [outputs, inputs] in int8 and its scales [outputs], copied."""


def product_of(weight: Tensor, scales: Tensor) -> Product:
    """The fastest product by `weight` [outputs, inputs] in int8 with `scales` [outputs]."""
    if has_amx():
        product = OneDnnProduct(weight, scales)
        if product.is_steady():
            return product
    return FbgemmProduct(weight, scales)


class FbgemmProduct:
    """The product by FBGEMM, for processors with AVX2 or more."""

    def __init__(self, weight: Tensor, scales: Tensor) -> None:
        """`weight` [outputs, inputs] in int8, `scales` [outputs] in fp32; both are copied."""
        zeros = torch.zeros(len(scales), dtype=torch.long)
        # Warning filters are global to the process, so only one thread at a time may change them.
        with _MAKING, warnings.catch_warnings():
            # Deprecated, but the only way to FBGEMM's products (docs/decisions/int8-fbgemm.md).
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
            weight = weight if JOINED == 1 else _halved(weight)
            whole = torch._make_per_channel_quantized_tensor(
                weight, JOINED * scales.double(), zeros, 0
            )
        self._packed = torch.ops.quantized.linear_prepack(whole, None)

    def __call__(self, rows: Tensor, largest: Tensor) -> Tensor:
        """[rows, inputs] in fp32, none above its row's `largest` [rows, 1], to [rows, outputs]."""
        out: Tensor = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            rows / largest, 1 / _STEPS, _STEPS + 1, self._packed
        )
        return out.mul_(largest)

    def weights(self) -> tuple[Tensor, Tensor]:
        """The weight [outputs, inputs] in int8 and its scales [outputs], copied."""
        whole, _ = torch.ops.quantized.linear_unpack(self._packed)
        steps = whole.int_repr()
        # A step of 64 is 127 halved.
        steps = steps if JOINED == 1 else steps.add_(steps.clamp(max=63))
        return steps, whole.q_per_channel_scales().float() / JOINED


class OneDnnProduct:
    """The product by oneDNN, for processors with AMX.

    There it takes a third of FBGEMM's time for a hundred rows and about the same for a few. Without
    AMX oneDNN has no fast product of signed inputs.
    """

    def __init__(self, weight: Tensor, scales: Tensor) -> None:
        """`weight` [outputs, inputs] in int8, `scales` [outputs] in fp32; both are copied."""
        self._packed = torch.ops.onednn.qlinear_prepack(weight, None)
        self._scales = scales.clone()
        self._zeros = torch.zeros(len(scales), dtype=torch.long)

    def __call__(self, rows: Tensor, largest: Tensor) -> Tensor:
        """[rows, inputs] in fp32, none above its row's `largest` [rows, 1], to [rows, outputs]."""
        steps = (rows * (127 / largest)).round_().to(torch.int8)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            steps,
            1 / 127,
            0,
            self._packed,
            self._scales,
            self._zeros,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        return out.mul_(largest)

    def weights(self) -> tuple[Tensor, Tensor]:
        """The weight [outputs, inputs] in int8 and its scales [outputs], copied."""
        return self._packed.to_dense().t(), self._scales.clone()

    def is_steady(self) -> bool:
        """Whether a row's result does not depend on the rows beside it; tested once per shape.

        For small matrices oneDNN uses different algorithms for few and for many rows.
        """
        inputs, outputs = self._packed.shape
        if (inputs, outputs) not in _STEADY:
            rows = torch.rand((40, inputs), generator=torch.Generator().manual_seed(0)) - 0.5
            largest = rows.abs().amax(-1, keepdim=True)
            whole = self(rows, largest)
            _STEADY[inputs, outputs] = all(
                torch.equal(self(rows[:count], largest[:count]), whole[:count])
                for count in (1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 32)
            )
        return _STEADY[inputs, outputs]


@functools.cache
def has_amx() -> bool:
    """Whether oneDNN may use AMX: the processor has it and the system allows it.

    The environment variable `ONEDNN_MAX_CPU_ISA` can forbid it.
    """
    most = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", "ALL")).upper()
    allowed = most in {"", "ALL", "DEFAULT"} or "AMX" in most
    return bool(allowed and torch.cpu._is_amx_tile_supported() and torch.cpu._init_amx())


def _halved(steps: Tensor) -> Tensor:
    """Half of each int8, rounded to even; no wider copy of a large matrix is made."""
    half = steps >> 1
    return half + (steps & half & 1)


_MAKING = threading.Lock()

_STEADY: dict[tuple[int, int], bool] = {}
"""Results of `is_steady`, by the inputs and outputs of a matrix."""

_STEPS = 127
"""Steps of an input from 0 to 1."""

JOINED = 1 if torch.cpu._is_vnni_supported() else 2
"""How many steps of a weight become one.

Without VNNI two products are added in 16 bits, so that inputs of 8 bits leave 7 for the weights.
Inputs need the eighth bit more, because their largest value is farther from the others.
"""
