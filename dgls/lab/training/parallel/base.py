"""The base model in plain torch: the Qwen2 network with a clean causal stream and its cache.

Written for training an adapter on it: whole batches of prompts of one length, no padding, constant
weights. The network is that of Qwen2 (arXiv 2407.10671): RMS norms, rotary positions, grouped keys
and values, a gated feed-forward, biases on queries, keys and values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

Extra = Callable[[str, Tensor], Tensor]
"""A term added to a linear layer's output, from the layer's name and its input."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The network's sizes, as in the checkpoint's metadata."""

    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    rope_base: float = 1e6
    eps: float = 1e-6

    @property
    def queries(self) -> int:
        """The width of a layer's queries."""
        return self.heads * self.head_dim

    @property
    def kv(self) -> int:
        """The width of a layer's keys."""
        return self.kv_heads * self.head_dim


@dataclass(frozen=True)
class Layer:
    """One layer's weights, matrices as [out, in].

    Queries, keys and values are one matrix, gate and up another.
    """

    attention_norm: Tensor
    qkv: Tensor
    qkv_bias: Tensor
    out: Tensor
    ffn_norm: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True)
class Base:
    """A base model: its weights and its identity.

    `sha256` is that of the published file. `token_ids[row]` is the published id of a row of
    `embedding` and `head`, if they have only a part of the vocabulary.
    """

    shape: Shape
    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Tensor
    sha256: str
    token_ids: Tensor

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.embedding.device

    @property
    def dtype(self) -> torch.dtype:
        """The type in which the matrices are multiplied."""
        return self.embedding.dtype

    def to(self, device: torch.device, dtype: torch.dtype) -> Base:
        """The same model on `device`, its weights as `dtype`."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, dtype)

        layers = tuple(
            Layer(**{f.name: moved(getattr(layer, f.name)) for f in fields(Layer)})
            for layer in self.layers
        )
        return replace(
            self,
            embedding=moved(self.embedding),
            layers=layers,
            norm=moved(self.norm),
            head=moved(self.head),
            token_ids=self.token_ids.to(device),
        )


class Cache:
    """Keys and values of the clean stream, [batch, kv_heads, length, head_dim] per layer."""

    def __init__(self, base: Base, batch: int, capacity: int) -> None:
        shape = base.shape
        size = (shape.layers, batch, shape.kv_heads, capacity, shape.head_dim)
        self.keys = torch.zeros(size, device=base.device, dtype=base.dtype)
        self.values = torch.zeros_like(self.keys)
        self.length = 0

    def rows(self, chosen: Tensor, length: int) -> Cache:
        """The first `length` positions of the chosen rows, as a separate cache."""
        part = object.__new__(Cache)
        part.keys = self.keys[:, chosen, :, :length]
        part.values = self.values[:, chosen, :, :length]
        part.length = length
        return part


@torch.no_grad()
def clean_states(base: Base, ids: Tensor, cache: Cache) -> Tensor:
    """Run the causal stream over `ids` [batch, n] after the content of `cache`, and add them to it.

    Returns the states after the last norm, [batch, n, hidden], for the `head`. Either the cache is
    empty or n is 1.
    """
    first, n = cache.length, ids.shape[1]
    assert first == 0 or n == 1
    cos, sin = rotary(base.shape, torch.arange(first, first + n, device=base.device))
    x = F.embedding(ids, base.embedding)
    for index, layer in enumerate(base.layers):
        q, k, v = heads_of(base, layer, x, cos, sin)
        cache.keys[index, :, :, first : first + n] = k
        cache.values[index, :, :, first : first + n] = v
        if first == 0:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            known = slice(0, first + n)
            mixed = attend(q, cache.keys[index, :, :, known], cache.values[index, :, :, known])
        x = after_attention(base, layer, x, mixed)
    cache.length = first + n
    return F.rms_norm(x, (base.shape.hidden,), base.norm, base.shape.eps)


def heads_of(
    base: Base, layer: Layer, x: Tensor, cos: Tensor, sin: Tensor, extra: Extra | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values of a layer, rotated, as [batch, heads, n, head_dim]."""
    shape = base.shape
    normed = F.rms_norm(x, (shape.hidden,), layer.attention_norm, shape.eps)
    qkv = F.linear(normed, layer.qkv, layer.qkv_bias)
    if extra:
        qkv = qkv + extra("qkv", normed)
    q, k, v = (
        part.view(*part.shape[:2], -1, shape.head_dim).transpose(1, 2)
        for part in torch.split(qkv, [shape.queries, shape.kv, shape.kv], dim=-1)
    )
    return rotate(q, cos, sin), rotate(k, cos, sin), v


def after_attention(
    base: Base, layer: Layer, x: Tensor, mixed: Tensor, extra: Extra | None = None
) -> Tensor:
    """The rest of a layer: the attention's output and the feed-forward, added to `x`."""
    shape = base.shape
    mixed = mixed.transpose(1, 2).flatten(2)
    change = F.linear(mixed, layer.out)
    if extra:
        change = change + extra("out", mixed)
    x = x + change
    normed = F.rms_norm(x, (shape.hidden,), layer.ffn_norm, shape.eps)
    both = F.linear(normed, layer.gate_up)
    if extra:
        both = both + extra("gate_up", normed)
    gate, up = both.chunk(2, dim=-1)
    inner = F.silu(gate) * up
    change = F.linear(inner, layer.down)
    if extra:
        change = change + extra("down", inner)
    return x + change


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Grouped attention of [batch, heads, n, dim]; `mask` [n, keys] is added to the scores.

    Heads that share keys become further rows of one query, so that no key is copied.
    """
    batch, heads, n, dim = q.shape
    group = heads // k.shape[1]
    folded = q.reshape(batch, k.shape[1], group * n, dim)
    bias = None if mask is None else mask.repeat(group, 1)
    return F.scaled_dot_product_attention(folded, k, v, attn_mask=bias).reshape(
        batch, heads, n, dim
    )


def rotary(shape: Shape, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary positions, each [n, head_dim], in fp32."""
    half = torch.arange(0, shape.head_dim, 2, device=positions.device, dtype=torch.float32)
    angles = positions.float()[:, None] * shape.rope_base ** (-half / shape.head_dim)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """`x` rotated by its position, computed in fp32 and returned in its own type."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x.float() * cos + turned * sin).to(x.dtype)
