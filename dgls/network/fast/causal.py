"""The causal pass over a prompt, with torch's own attention, because it has many queries."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.fast.body import Body, end_layer
from dgls.network.fast.operations import Lengths, Operations, Shape, Turns
from dgls.network.fast.plain import embeddings
from dgls.network.fast.weights import Layer
from dgls.network.past import Past

SPARE = 256
"""How many tokens a prompt can be cut back if a sliding layer has dropped its beginning."""


def encode(
    operations: Operations,
    body: Body,
    turns: dict[str, Turns],
    tokens: Tensor,
    past: Past | None,
) -> tuple[Tensor, Past]:
    """The last layer's normed states [rows, new, hidden] of `tokens` [rows, new], and the past.

    A sliding layer keeps the tokens that a later one may see, and `SPARE` more for cutting back.
    """
    rows, new = tokens.shape
    start = past.length if past else 0
    shape = Shape(rows, new)
    lengths = _lengths(start, new, tokens.device)
    states = embeddings(tokens.flatten(), body.table, body.scale)
    normed = operations.norm(states, body.layers[0].before_attention, body.eps)
    masks: dict[tuple[bool, int], Tensor | None] = {}
    keys, values = [], []
    for index, layer in enumerate(body.layers):
        parts = operations.linear(normed, layer.attention.qkv)
        query, key, value = operations.heads(
            parts, layer.attention, turns[layer.kind], lengths, shape, body.eps
        )
        if past is not None:
            key = torch.cat([past.keys[index], key], dim=2)
            value = torch.cat([past.values[index], value], dim=2)
        reach = (layer.sliding, key.shape[2])
        if reach not in masks:
            masks[reach] = _mask(new, key.shape[2], _window(layer, body), tokens.device)
        queries = query.view(rows, new, *query.shape[1:]).transpose(1, 2)
        mixed = _attend(queries, key, value, masks[reach])
        states, normed = end_layer(
            operations, body, index, states, mixed, layer.encoder_scale, lengths, shape
        )
        keys.append(_kept(key, layer, body))
        values.append(_kept(value, layer, body))
    windows = tuple(_window(layer, body) or 0 for layer in body.layers)
    after = Past(tuple(keys), tuple(values), start + new, windows)
    return normed.view(rows, new, -1), after


def _lengths(start: int, new: int, device: torch.device) -> Lengths:
    return Lengths(torch.tensor([start, new, start, start], dtype=torch.int32, device=device))


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """[rows, heads, new, dim] over [rows, key heads, all, dim]: [rows * new, heads * dim]."""
    group = query.shape[1] // key.shape[1]
    # Repeated, because torch has no memory-saving CUDA kernel for grouped keys.
    key, value = key.repeat_interleave(group, dim=1), value.repeat_interleave(group, dim=1)
    causal = mask is None and query.shape[2] > 1
    mixed = functional.scaled_dot_product_attention(
        query, key, value, mask, is_causal=causal, scale=1.0
    )
    return mixed.transpose(1, 2).flatten(2).flatten(0, 1)


def _mask(new: int, seen: int, window: int | None, device: torch.device) -> Tensor | None:
    """Which of `seen` keys, the last `new` being its own, each query sees: bool [new, seen].

    None if all are seen, or for the plain causal triangle.
    """
    if (new == seen or new == 1) and (window is None or seen <= window):
        return None
    own = torch.arange(seen - new, seen, device=device)[:, None]
    index = torch.arange(seen, device=device)[None]
    mask = index <= own
    return mask if window is None else mask & (index > own - window)


def _window(layer: Layer, body: Body) -> int | None:
    return body.window if layer.sliding else None


def _kept(states: Tensor, layer: Layer, body: Body) -> Tensor:
    """The kept part of a layer's keys or values, copied if it is a small part."""
    most = body.window - 1 + SPARE
    if not layer.sliding or states.shape[2] <= most:
        return states
    kept = states[:, :, -most:]
    return kept.clone() if states.shape[2] > most + SPARE else kept
