"""The operations in plain torch, with the library's roundings: the reference, on any device."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.fast.operations import Lengths, Picked, Reach, Shape, Turns
from dgls.network.fast.weights import Attention, Experts, Layer, Matrix
from dgls.network.nf4 import Nf4, dequantize_nf4
from dgls.network.quantization import Rows8, dequantize_rows


class PlainOperations:
    """`dgls.network.fast.operations.Operations`; it syncs with the host, so no graph capture."""

    def norm(self, states: Tensor, weight: Tensor, eps: float) -> Tensor:
        return (_normed(states, eps) * weight.float()).type_as(states)

    def linear(self, states: Tensor, matrix: Matrix) -> Tensor:
        if isinstance(matrix, Rows8):
            wide = functional.linear(states, matrix.steps.to(states.dtype))
            return (wide.float() * matrix.scale).type_as(states)
        return functional.linear(states, matrix)

    def embed(
        self,
        tokens: Tensor,
        table: Tensor,
        scale: float,
        signal: Tensor,
        first_norm: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor]:
        embedded = embeddings(tokens, table, scale)
        states = _normed(embedded + signal, eps).type_as(embedded)
        return states, self.norm(states, first_norm, eps)

    def heads(
        self,
        parts: Tensor,
        attention: Attention,
        turns: Turns,
        lengths: Lengths,
        shape: Shape,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        first = int(lengths.device[0])
        parts = parts.view(shape.rows, shape.canvas, -1, attention.dim)
        ends = attention.heads, attention.heads + attention.shared
        query, key = parts[:, :, : ends[0]], parts[:, :, ends[0] : ends[1]]
        value = key if attention.tied else parts[:, :, ends[1] :]
        span = slice(first, first + shape.canvas)
        cosines, sines = turns.cosines[span, None], turns.sines[span, None]
        query = _turned(self.norm(query, attention.query_norm, eps), cosines, sines)
        key = _turned(self.norm(key, attention.key_norm, eps), cosines, sines)
        value = _normed(value, eps).type_as(value)
        return query.flatten(0, 1), key.transpose(1, 2), value.transpose(1, 2)

    def attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        prefix: Reach,
        lengths: Lengths,
        shape: Shape,
    ) -> Tensor:
        kept, canvas = int(lengths.device[prefix.kept]), int(lengths.device[1])
        query = queries.view(shape.rows, shape.canvas, *queries.shape[1:]).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(
            query,
            _seen(prefix.keys, kept, keys[:, :, :canvas]),
            _seen(prefix.values, kept, values[:, :, :canvas]),
            scale=1.0,
            enable_gqa=keys.shape[1] != query.shape[1],
        )
        return mixed.transpose(1, 2).reshape(shape.rows * shape.canvas, -1)

    def after_attention(
        self, residual: Tensor, attended: Tensor, layer: Layer, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        states = residual + self.norm(attended, layer.after_attention, eps)
        return (
            states,
            self.norm(states, layer.before_dense, eps),
            self.norm(states, layer.before_expert, eps),
            self.norm(states, layer.router_scale, eps),
        )

    def gated(self, both: Tensor) -> Tensor:
        gate, up = both.chunk(2, dim=-1)
        return functional.gelu(gate, approximate="tanh") * up

    def route(
        self, scores: Tensor, scale: Tensor, top: int, lengths: Lengths, shape: Shape
    ) -> tuple[Tensor, Tensor]:
        taken, chosen = scores.softmax(dim=-1, dtype=torch.float32).topk(top, dim=-1)
        shares = taken / taken.sum(dim=-1, keepdim=True) * scale[chosen].float()
        place = torch.arange(shape.canvas, device=scores.device).repeat(shape.rows)
        real = (place < lengths.device[1])[:, None]
        return torch.where(real, chosen, -1).int(), torch.where(real, shares, 0.0)

    def experts(self, states: Tensor, chosen: Tensor, layer: Layer) -> Tensor:
        slots = states.new_zeros(*chosen.shape, states.shape[1])
        for expert in torch.unique(chosen).tolist():
            if expert >= 0:
                token, place = torch.where(chosen == expert)
                up = functional.linear(states[token], _one(layer.expert_up, expert, states))
                down = _one(layer.expert_down, expert, states)
                slots[token, place] = functional.linear(self.gated(up), down)
        return slots

    def after_layer(
        self,
        residual: Tensor,
        dense: Tensor,
        slots: Tensor,
        shares: Tensor,
        layer: Layer,
        layer_scale: Tensor,
        next_norm: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor]:
        weighted = torch.where(shares[..., None] != 0, slots.float() * shares[..., None], 0.0)
        expert = self.norm(weighted.sum(dim=1).type_as(slots), layer.after_expert, eps)
        both = self.norm(dense, layer.after_dense, eps) + expert
        states = residual + self.norm(both, layer.after_both, eps)
        states = states * layer_scale
        return states, self.norm(states, next_norm, eps)

    def pick(self, logits: Tensor, race: Tensor | None, temperature: Tensor, cap: float) -> Picked:
        tempered = capped(logits, cap) / temperature
        distribution = torch.log_softmax(tempered, dim=-1)
        log_probs, best = distribution.max(dim=-1)
        likely = distribution.exp()
        entropy = -(likely * distribution).sum(dim=-1)
        drawn = best if race is None else (likely / race).argmax(dim=-1)
        return Picked(best, log_probs, entropy, drawn, likely.type_as(logits))


def embeddings(tokens: Tensor, table: Tensor, scale: float) -> Tensor:
    """Scaled embeddings of tokens [...]: [..., hidden]."""
    return functional.embedding(tokens, table) * torch.tensor(scale, dtype=table.dtype)


def capped(logits: Tensor, cap: float) -> Tensor:
    """Logits in fp32, squashed so that none exceeds `cap`."""
    return logits.float().div(cap).tanh_().mul_(cap)


def _normed(states: Tensor, eps: float) -> Tensor:
    wide = states.float()
    return wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)


def _turned(states: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate [rows, canvas, heads, dim] by the angles of [canvas, 1, dim / 2]."""
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], dim=-1)


def _seen(prefix: Tensor, kept: int, own: Tensor) -> Tensor:
    """The prefix's keys or values, the same for each row, followed by the row's own."""
    return torch.cat([prefix[None, :, :kept].expand(own.shape[0], -1, -1, -1), own], dim=2)


def _one(experts: Experts, expert: int, like: Tensor) -> Tensor:
    """One expert's matrix."""
    if isinstance(experts, Tensor):
        return experts[expert]
    if isinstance(experts, Nf4):
        return dequantize_nf4(experts[expert], like.dtype)
    return dequantize_rows(experts.steps[expert], experts.scale[expert]).to(like.dtype)
