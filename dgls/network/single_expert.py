"""The experts of a layer with only one: two plain linear maps without dispatch by token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

SINGLE_EXPERT = "dgls_single_expert"
"""A value for `experts_implementation`; only for models with `num_experts == 1`."""


def single_expert(
    experts: nn.Module, hidden: Tensor, top_k_index: Tensor, top_k_weights: Tensor
) -> Tensor:
    """The result of the class's own loop over experts if there is only one.

    `hidden` [tokens, hidden]; `top_k_index` and `top_k_weights` [tokens, 1] come from the router,
    which has no choice here, but whose weight carries the expert's learned scale.
    """
    gate, up = nn.functional.linear(hidden, _first(experts.gate_up_proj)).chunk(2, dim=-1)
    activation = experts.act_fn
    assert isinstance(activation, nn.Module)
    inner = activation(gate) * up
    output = nn.functional.linear(inner, _first(experts.down_proj))
    return (output * top_k_weights).to(hidden.dtype)


def _first(weights: nn.Module | Tensor) -> Tensor:
    """The matrix of the only expert: [1, out, in] to [out, in]."""
    assert isinstance(weights, torch.Tensor)
    return weights[0]


ALL_EXPERTS_FUNCTIONS.register(SINGLE_EXPERT, single_expert)
