"""The weights of a model with one expert, in the form that `dgls.network.fused` multiplies."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class FusedLayer:
    """One layer's weights; matrices are [out, in].

    `qkv` gives queries, keys and values for all heads; `heads_scale` [heads + 2 kv_heads, dim]
    scales them after their norms. `gate` and `up` have the rows of both the dense part and the
    expert; `dense_down` and `expert_down` are separate, because each has its own norm.
    `encoder_scale` and `decoder_scale` are the layer's last factor in either pass.
    """

    kind: str
    qkv: Tensor
    heads_scale: Tensor
    out: Tensor
    gate_up: Tensor
    dense_down: Tensor
    expert_down: Tensor
    after_attention: Tensor
    after_dense: Tensor
    after_expert: Tensor
    after_both: Tensor
    encoder_scale: Tensor
    decoder_scale: Tensor

    def to(self, dtype: torch.dtype) -> FusedLayer:
        """The same weights in `dtype`."""
        weights = (getattr(self, field.name) for field in dataclasses.fields(self)[1:])
        return FusedLayer(self.kind, *(weight.to(dtype) for weight in weights))


def fused_layer(decoder: Any, encoder: Any, kind: str) -> FusedLayer:
    """The weights of a layer of the library's model, shared by both kinds of pass."""
    attention, dense, expert = decoder.self_attn, decoder.mlp, decoder.experts
    values = attention.k_proj if attention.v_proj is None else attention.v_proj
    dim = attention.head_dim
    query = attention.q_norm.weight.expand(attention.q_proj.out_features // dim, dim)
    key = attention.k_norm.weight.expand(attention.k_proj.out_features // dim, dim)
    gate, up = expert.gate_up_proj[0].chunk(2, dim=0)
    before_dense = decoder.pre_feedforward_layernorm.weight
    before_expert = decoder.pre_feedforward_layernorm_2.weight
    rows = [(dense.gate_proj.weight, before_dense), (gate, before_expert)]
    rows += [(dense.up_proj.weight, before_dense), (up, before_expert)]
    qkv = [attention.q_proj.weight, attention.k_proj.weight, values.weight]
    with torch.no_grad():
        return FusedLayer(
            kind=kind,
            qkv=_folded([(weight, decoder.input_layernorm.weight) for weight in qkv]),
            heads_scale=torch.cat([query, key, torch.ones_like(key)]),
            out=attention.o_proj.weight.detach(),
            gate_up=_folded(rows),
            dense_down=dense.down_proj.weight.detach(),
            expert_down=expert.down_proj[0] * decoder.router.per_expert_scale,
            after_attention=decoder.post_attention_layernorm.weight.detach(),
            after_dense=decoder.post_feedforward_layernorm_1.weight.detach(),
            after_expert=decoder.post_feedforward_layernorm_2.weight.detach(),
            after_both=decoder.post_feedforward_layernorm.weight.detach(),
            encoder_scale=encoder.layer_scalar,
            decoder_scale=decoder.layer_scalar,
        )


def fused_conditioning(module: Any) -> tuple[Tensor, Tensor]:
    """The matrices of the self-conditioning layer: gate and up joined, and down."""
    scale = module.pre_norm.weight
    with torch.no_grad():
        gate_up = _folded([(module.gate_proj.weight, scale), (module.up_proj.weight, scale)])
        return gate_up, module.down_proj.weight.detach()


def _folded(rows: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Stacked matrices, each with the scale of the preceding norm folded into its columns."""
    wide = [weight.float() * scale.float() for weight, scale in rows]
    return torch.cat(wide).to(rows[0][0].dtype)
