"""One layer's weights as a pass reads them: maps of the same input as one matrix, stored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dgls.models.nf4 import Nf4


@dataclass(frozen=True, slots=True)
class Rows8:
    """A matrix in 8 bits: `steps` int8 [out, in] and `scale` fp32 [out]."""

    steps: Tensor
    scale: Tensor


Matrix = Tensor | Rows8
"""A linear map, [out, in]."""

Experts = Tensor | Nf4
"""One matrix an expert: [experts, out, in]."""


@dataclass(frozen=True, slots=True)
class Attention:
    """`qkv` gives queries, keys and values; where `tied`, the keys' map is also the values'."""

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

    `kind` is the library's name of the attention's reach. Norms are [hidden]; `router_scale` has
    the factor hidden ** -0.5 in it. `encoder_scale` and `decoder_scale` [1] end the layer.
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
        """Whether it sees a window of the prefix only."""
        return self.kind == "sliding_attention"


def layer_of(decoder: Any, encoder: Any, kind: str) -> Layer:
    """The layer's weights, of the library's two modules for it, which share all but one factor.

    Matrices that are put together are not held twice: the module keeps views of the whole.
    """
    attention = decoder.self_attn
    tied = attention.v_proj is None
    maps = [attention.q_proj, attention.k_proj, *([] if tied else [attention.v_proj])]
    dim = int(attention.head_dim)
    shared = attention.k_proj.out_features // dim
    router = decoder.router
    with torch.no_grad():
        return Layer(
            kind=kind,
            attention=Attention(
                qkv=joined(maps),
                out=matrix_of(attention.o_proj),
                query_norm=attention.q_norm.weight.detach(),
                key_norm=attention.k_norm.weight.detach(),
                heads=attention.q_proj.out_features // dim,
                shared=shared,
                dim=dim,
                tied=tied,
            ),
            dense_up=joined([decoder.mlp.gate_proj, decoder.mlp.up_proj]),
            dense_down=matrix_of(decoder.mlp.down_proj),
            expert_up=decoder.experts.gate_up_proj.detach(),
            expert_down=decoder.experts.down_proj.detach(),
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


def matrix_of(module: Any) -> Matrix:
    """The matrix of a linear map without bias."""
    weight: Tensor = module.weight.detach()
    return weight


def joined(modules: Sequence[Any]) -> Tensor:
    """The matrices of maps that read the same input below each other, of which they become views.

    Joined again, views of one whole are that whole: several networks may share a model.
    """
    whole = _whole([module.weight for module in modules])
    if whole is not None:
        return whole
    whole = torch.cat([module.weight.detach() for module in modules])
    rows = [module.out_features for module in modules]
    for module, part in zip(modules, torch.split(whole, rows), strict=True):
        # Into the parameter, not over it: the encoder's module has the same one.
        module.weight.data = part
    return whole


def _whole(weights: Sequence[nn.Parameter]) -> Tensor | None:
    """The matrix that all are views of, one behind the other; None where they are not."""
    first = weights[0]
    columns = first.shape[1]
    expected = first.data_ptr()
    for weight in weights:
        if weight.data_ptr() != expected or not weight.is_contiguous():
            return None
        expected += weight.numel() * weight.element_size()
    rows = sum(weight.shape[0] for weight in weights)
    storage = first.untyped_storage()
    needed = (first.storage_offset() + rows * columns) * first.element_size()
    if len({weight.untyped_storage().data_ptr() for weight in weights}) > 1:
        return None
    if needed > storage.nbytes():
        return None
    return first.detach().as_strided((rows, columns), (columns, 1))
