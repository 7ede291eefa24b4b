"""One layer's weights for a pass: maps with the same input are one matrix, stored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dgls.network.nf4 import Nf4
from dgls.network.quantization import Rows8

Matrix = Tensor | Rows8
"""A linear map, [out, in]."""

Experts = Tensor | Rows8 | Nf4
"""One matrix per expert: [experts, out, in]."""


@dataclass(frozen=True, slots=True)
class Attention:
    """`qkv` gives queries, keys and values; if `tied`, the keys' map is also the values'."""

    qkv: Matrix
    out: Matrix
    query_norm: Tensor
    key_norm: Tensor
    heads: int
    shared: int
    dim: int
    tied: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: attention, a dense part and the experts, which read the same states.

    `kind` is the library's name for the attention type. Norms are [hidden]; `router_scale` includes
    the factor hidden ** -0.5. `encoder_scale` and `decoder_scale` [1] end the layer.
    """

    kind: str
    attention: Attention
    dense_up: Matrix
    dense_down: Matrix
    expert_up: Experts
    expert_down: Experts
    router: Tensor
    router_scale: Tensor
    expert_scale: Tensor
    before_attention: Tensor
    after_attention: Tensor
    before_dense: Tensor
    before_expert: Tensor
    after_dense: Tensor
    after_expert: Tensor
    after_both: Tensor
    encoder_scale: Tensor
    decoder_scale: Tensor

    @property
    def sliding(self) -> bool:
        """Whether it sees only a window of the prefix."""
        return self.kind == "sliding_attention"


def layer_of(decoder: Any, encoder: Any, kind: str) -> Layer:
    """The layer's weights, from the library's two modules, which share all but one factor.

    Joined matrices are not stored twice: the modules keep views of the joined one.
    """
    router = decoder.router
    with torch.no_grad():
        return Layer(
            kind=kind,
            attention=_attention_of(decoder.self_attn, encoder.self_attn),
            dense_up=joined([decoder.mlp, encoder.mlp], ["gate_proj", "up_proj"]),
            dense_down=matrix_of(decoder.mlp.down_proj),
            expert_up=_plain(decoder.experts.gate_up_proj),
            expert_down=_plain(decoder.experts.down_proj),
            router=router.proj.weight.detach(),
            router_scale=router.scale.detach() * router.scalar_root_size,
            expert_scale=router.per_expert_scale.detach(),
            before_attention=decoder.input_layernorm.weight.detach(),
            after_attention=decoder.post_attention_layernorm.weight.detach(),
            before_dense=decoder.pre_feedforward_layernorm.weight.detach(),
            before_expert=decoder.pre_feedforward_layernorm_2.weight.detach(),
            after_dense=decoder.post_feedforward_layernorm_1.weight.detach(),
            after_expert=decoder.post_feedforward_layernorm_2.weight.detach(),
            after_both=decoder.post_feedforward_layernorm.weight.detach(),
            encoder_scale=encoder.layer_scalar,
            decoder_scale=decoder.layer_scalar,
        )


def _attention_of(decoder: Any, encoder: Any) -> Attention:
    tied = decoder.v_proj is None
    names = ["q_proj", "k_proj"] if tied else ["q_proj", "k_proj", "v_proj"]
    dim = int(decoder.head_dim)
    return Attention(
        qkv=joined([decoder, encoder], names),
        out=matrix_of(decoder.o_proj),
        query_norm=decoder.q_norm.weight.detach(),
        key_norm=decoder.k_norm.weight.detach(),
        heads=decoder.q_proj.out_features // dim,
        shared=decoder.k_proj.out_features // dim,
        dim=dim,
        tied=tied,
    )


def matrix_of(module: Any) -> Matrix:
    """The matrix of a linear map without bias, which may be stored in 8 bits."""
    held: Matrix = module.rows if hasattr(module, "rows") else module.weight.detach()
    return held


def joined(owners: Sequence[Any], names: Sequence[str]) -> Matrix:
    """The stacked matrices of maps with the same input, which become views of the result.

    `owners` are the modules that have maps with these `names` and share their weights, so no matrix
    is stored twice. Views of one joined matrix give that matrix again.
    """
    maps = [getattr(owners[0], name) for name in names]
    sizes = [each.out_features for each in maps]
    if not hasattr(maps[0], "rows"):
        whole, parts = _joined([each.weight.detach() for each in maps], sizes)
        for owner in owners:
            for name, part in zip(names, parts, strict=True):
                getattr(owner, name).weight.data = part
        return whole
    steps, step_parts = _joined([each.rows.steps for each in maps], sizes)
    scale, scale_parts = _joined([each.rows.scale for each in maps], sizes)
    for owner in owners:
        for name, own_steps, own_scale in zip(names, step_parts, scale_parts, strict=True):
            getattr(owner, name).rows = Rows8(own_steps, own_scale)
    return Rows8(steps, scale)


def _joined(parts: Sequence[Tensor], sizes: Sequence[int]) -> tuple[Tensor, Sequence[Tensor]]:
    """The stacked parts, and the parts as views of the whole."""
    whole = _whole(parts)
    if whole is None:
        whole = torch.cat(list(parts))
    return whole, torch.split(whole, list(sizes))


def _whole(parts: Sequence[Tensor]) -> Tensor | None:
    """The tensor of which all parts are consecutive views; None if there is none."""
    first = parts[0]
    expected = first.data_ptr()
    for part in parts:
        if part.data_ptr() != expected or not part.is_contiguous():
            return None
        expected += part.nbytes
    if len({part.untyped_storage().data_ptr() for part in parts}) > 1:
        return None
    rows = sum(len(part) for part in parts)
    return first.as_strided((rows, *first.shape[1:]), first.stride())


def _plain(weights: Any) -> Experts:
    held: Experts = weights.detach() if isinstance(weights, Tensor) else weights
    return held
