"""Modules with quantised weights, and the plain path through them: dequantise, then multiply.

A `Linear8` replaces an `nn.Linear`. The experts' module stays, but its `gate_up_proj` and
`down_proj` are `Nf4` or `Rows8` instead of parameters. A network with its own kernels reads these
directly; the library's class computes exactly as with the dequantised weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

from dgls.checkpoint.scheme import Held, widened
from dgls.network.nf4 import Nf4
from dgls.network.quantization import Rows8

QUANTIZED_EXPERTS = "dgls_quantized_experts"
"""The value for `experts_implementation` if experts are quantised."""


class Linear8(nn.Module):
    """A linear map without bias in 8 bits; `rows` may be shared between modules."""

    def __init__(self, rows: Rows8) -> None:
        super().__init__()
        self.rows = rows
        self.out_features, self.in_features = rows.shape

    def forward(self, states: Tensor) -> Tensor:
        """States [..., in] to [..., out]."""
        return nn.functional.linear(states, widened(self.rows, states.dtype))


def put_weight(model: nn.Module, names: Sequence[str], weight: Held) -> None:
    """Put one weight into the model as each of the parameters or buffers in `names`."""
    made: Any = nn.Parameter(weight, requires_grad=False) if isinstance(weight, Tensor) else weight
    for name in names:
        path, _, leaf = name.rpartition(".")
        owner = model.get_submodule(path)
        if isinstance(weight, Rows8) and leaf == "weight":
            parent, _, child = path.rpartition(".")
            setattr(model.get_submodule(parent), child, Linear8(weight))
        elif leaf in owner._buffers:
            setattr(owner, leaf, weight)
        else:
            # A parameter can only be replaced by another object once it is deleted.
            del owner._parameters[leaf]
            setattr(owner, leaf, made)


def quantized_experts(
    experts: Any, hidden: Tensor, top_k_index: Tensor, top_k_weights: Tensor
) -> Tensor:
    """The result of the class's loop over experts for dequantised weights, an expert at a time.

    `hidden` [tokens, hidden]; `top_k_index` and `top_k_weights` [tokens, top_k].
    """
    result = torch.zeros_like(hidden)
    # The needed experts are copied from the device once.
    for expert in torch.unique(top_k_index).tolist():
        # In the order of the library's loop, so that the sums are bit-exactly the same.
        place, token = torch.where(expert == top_k_index.T)
        both = nn.functional.linear(hidden[token], _one(experts.gate_up_proj, expert, hidden))
        gate, up = both.chunk(2, dim=-1)
        inner = experts.act_fn(gate) * up
        out = nn.functional.linear(inner, _one(experts.down_proj, expert, hidden))
        out = out * top_k_weights[token, place, None]
        result.index_add_(0, token, out.to(result.dtype))
    return result


def _one(weights: Tensor | Rows8 | Nf4, expert: int, like: Tensor) -> Tensor:
    """One expert's matrix, [out, in]."""
    return widened(weights[expert], like.dtype)


ALL_EXPERTS_FUNCTIONS.register(QUANTIZED_EXPERTS, quantized_experts)
