"""The weights of the whole model, and one pass of a canvas over its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dgls.network.architecture import TextDiffusionGemma
from dgls.network.fast.operations import Lengths, Operations, Reach, Shape, Turns
from dgls.network.fast.weights import Layer, Matrix, joined, layer_of, matrix_of


@dataclass(frozen=True, slots=True)
class Body:
    """All weights, without buffers: `table` [vocab, hidden] embeds and unembeds.

    `signal_norm`, `signal_up` and `signal_down` compute the self-conditioning signal. Each token is
    routed to `top` experts; a sliding layer sees `window` tokens including the current one.
    """

    layers: tuple[Layer, ...]
    table: Tensor
    scale: float
    norm: Tensor
    signal_norm: Tensor
    signal_up: Matrix
    signal_down: Matrix
    top: int
    window: int
    eps: float
    cap: float

    @classmethod
    def of(cls, model: TextDiffusionGemma) -> Body:
        """The weights of a loaded model, which keeps views of them."""
        config: Any = model.config.get_text_config()
        decoder: Any = model.model.decoder
        encoder: Any = model.model.encoder.language_model
        signal = decoder.self_conditioning
        table = decoder.embed_tokens.weight.detach()
        kinds = config.layer_types
        layers = zip(decoder.layers, encoder.layers, kinds, strict=True)
        return cls(
            layers=tuple(layer_of(*layer) for layer in layers),
            table=table,
            # In the precision of the weights, like the library.
            scale=torch.tensor(decoder.embed_tokens.scalar_embed_scale, dtype=table.dtype).item(),
            norm=decoder.norm.weight.detach(),
            signal_norm=signal.pre_norm.weight.detach(),
            signal_up=joined([signal], ["gate_proj", "up_proj"]),
            signal_down=matrix_of(signal.down_proj),
            top=int(config.top_k_experts),
            window=int(config.sliding_window),
            eps=float(config.rms_norm_eps),
            cap=float(config.final_logit_softcapping),
        )


def signal(operations: Operations, body: Body, soft: Tensor) -> Tensor:
    """The self-conditioning signal of soft embeddings [tokens, hidden], of the same shape.

    Zeros give no signal, which is the input of the first step.
    """
    normed = operations.norm(soft, body.signal_norm, body.eps)
    inner = operations.gated(operations.linear(normed, body.signal_up))
    return operations.linear(inner, body.signal_down)


def read_canvas(
    operations: Operations,
    body: Body,
    tokens: Tensor,
    soft: Tensor,
    prefix: Sequence[Reach],
    lengths: Lengths,
    turns: dict[str, Turns],
    shape: Shape,
) -> Tensor:
    """The last layer's normed states of canvases: `tokens` [tokens] to [tokens, hidden]."""
    first = body.layers[0].before_attention
    added = signal(operations, body, soft)
    states, normed = operations.embed(tokens, body.table, body.scale, added, first, body.eps)
    for index, layer in enumerate(body.layers):
        parts = operations.linear(normed, layer.attention.qkv)
        query, key, value = operations.heads(
            parts, layer.attention, turns[layer.kind], lengths, shape, body.eps
        )
        mixed = operations.attend(query, key, value, prefix[index], lengths, shape)
        states, normed = end_layer(
            operations, body, index, states, mixed, layer.decoder_scale, lengths, shape
        )
    return normed


def end_layer(
    operations: Operations,
    body: Body,
    index: int,
    states: Tensor,
    mixed: Tensor,
    scale: Tensor,
    lengths: Lengths,
    shape: Shape,
) -> tuple[Tensor, Tensor]:
    """Layer `index` after its attention: its states, and their norm for the next layer."""
    layer = body.layers[index]
    attended = operations.linear(mixed, layer.attention.out)
    states, for_dense, for_experts, for_router = operations.after_attention(
        states, attended, layer, body.eps
    )
    inner = operations.gated(operations.linear(for_dense, layer.dense_up))
    dense = operations.linear(inner, layer.dense_down)
    scores = operations.linear(for_router, layer.router)
    chosen, shares = operations.route(scores, layer.expert_scale, body.top, lengths, shape)
    slots = operations.experts(for_experts, chosen, layer)
    following = body.layers[index + 1 :]
    norm = following[0].before_attention if following else body.norm
    return operations.after_layer(states, dense, slots, shares, layer, scale, norm, body.eps)


def turns_of(model: TextDiffusionGemma, positions: int) -> dict[str, Turns]:
    """The rotary tables of each kind of layer, from the library's own module."""
    decoder: Any = model.model.decoder
    table = decoder.embed_tokens.weight
    numbers = torch.arange(positions, device=table.device)[None]
    found: dict[str, Turns] = {}
    for kind in set(model.config.get_text_config().layer_types):
        cosines, sines = decoder.rotary_emb(table, numbers, kind)
        # Both halves of a head rotate by the same angles.
        half = cosines.shape[-1] // 2
        found[kind] = Turns(cosines[0, :, :half].contiguous(), sines[0, :, :half].contiguous())
    return found
