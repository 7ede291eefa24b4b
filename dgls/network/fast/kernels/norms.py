"""Norms, and the additions and scales around them: one program per token."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def scaled_norm(states, weight, out, width, eps, BLOCK: tl.constexpr):
    """`out` = `states` over their root mean square, times `weight`; [tokens, width] each."""
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    here = tl.program_id(0).to(tl.int64) * width + columns
    normed = _normed(tl.load(states + here, mask=inside, other=0.0), width, eps)
    scale = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + here, normed * scale, mask=inside)


@triton.jit
def embed(
    tokens, table, signal, out, first_norm, normed_out, width, scale, eps, BLOCK: tl.constexpr
):
    """The first layer's input: a token's embedding and its signal, normed together.

    `tokens` [tokens], `table` [vocab, width], `signal` [tokens, width]; `out` are the states and
    `normed_out` the same, normed for the first layer by `first_norm` [width].
    """
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    here = row * width + columns
    token = tl.load(tokens + row)
    kind = out.dtype.element_ty
    embedding = tl.load(table + token * width + columns, mask=inside, other=0.0).to(tl.float32)
    embedding = (embedding * scale).to(kind).to(tl.float32)
    added = tl.load(signal + here, mask=inside, other=0.0).to(tl.float32)
    states = _normed((embedding + added).to(kind), width, eps).to(kind)
    tl.store(out + here, states, mask=inside)
    weight = tl.load(first_norm + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed_out + here, _normed(states, width, eps) * weight, mask=inside)


@triton.jit
def after_attention(
    residual,
    attended,
    norm,
    dense_norm,
    expert_norm,
    router_scale,
    out,
    dense_out,
    expert_out,
    router_out,
    width,
    eps,
    BLOCK: tl.constexpr,
):
    """Adds the attention's normed output to `residual` and norms the sum for its three readers.

    All are [tokens, width] except the four scales [width].
    """
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    here = tl.program_id(0).to(tl.int64) * width + columns
    kind = out.dtype.element_ty
    mixed = _normed(tl.load(attended + here, mask=inside, other=0.0), width, eps)
    mixed = mixed * tl.load(norm + columns, mask=inside, other=0.0).to(tl.float32)
    states = tl.load(residual + here, mask=inside, other=0.0).to(tl.float32)
    states = (states + mixed.to(kind).to(tl.float32)).to(kind)
    tl.store(out + here, states, mask=inside)
    normed = _normed(states, width, eps)
    weight = tl.load(dense_norm + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(dense_out + here, normed * weight, mask=inside)
    weight = tl.load(expert_norm + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(expert_out + here, normed * weight, mask=inside)
    weight = tl.load(router_scale + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(router_out + here, normed * weight, mask=inside)


@triton.jit
def after_layer(
    residual,
    dense,
    slots,
    shares,
    dense_norm,
    expert_norm,
    both_norm,
    layer_scale,
    next_norm,
    out,
    next_out,
    width,
    eps,
    TOP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Ends a layer: sums the experts' outputs, adds the dense layer's, and norms for the next one.

    `slots` [tokens, TOP, width] are the outputs of a token's experts, `shares` [tokens, TOP] their
    weights; `layer_scale` [1]. The rest is [tokens, width], the norms [width].
    """
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    here = row * width + columns
    kind = out.dtype.element_ty
    expert = tl.zeros((BLOCK,), tl.float32)
    for index in tl.static_range(TOP):
        share = tl.load(shares + row * TOP + index)
        given = tl.load(slots + (row * TOP + index) * width + columns, mask=inside, other=0.0)
        # A slot without a share was never written and may hold NaN.
        expert += tl.where(share != 0, given.to(tl.float32) * share, 0.0)
    expert = _normed(expert.to(kind), width, eps)
    expert = expert * tl.load(expert_norm + columns, mask=inside, other=0.0).to(tl.float32)
    plain = _normed(tl.load(dense + here, mask=inside, other=0.0), width, eps)
    plain = plain * tl.load(dense_norm + columns, mask=inside, other=0.0).to(tl.float32)
    both = (plain.to(kind).to(tl.float32) + expert.to(kind).to(tl.float32)).to(kind)
    both = _normed(both, width, eps)
    both = both * tl.load(both_norm + columns, mask=inside, other=0.0).to(tl.float32)
    states = tl.load(residual + here, mask=inside, other=0.0).to(tl.float32)
    states = (states + both.to(kind).to(tl.float32)).to(kind).to(tl.float32)
    states = (states * tl.load(layer_scale).to(tl.float32)).to(kind)
    tl.store(out + here, states, mask=inside)
    weight = tl.load(next_norm + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(next_out + here, _normed(states, width, eps) * weight, mask=inside)


@triton.jit
def gated(both, out, width, BLOCK: tl.constexpr):
    """gelu(gate) * up: `both` [tokens, 2 * width] to `out` [tokens, width]."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = columns < width
    gate = tl.load(both + row * 2 * width + columns, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(both + row * 2 * width + width + columns, mask=inside, other=0.0).to(tl.float32)
    kind = out.dtype.element_ty
    tl.store(out + row * width + columns, gelu(gate).to(kind).to(tl.float32) * up, mask=inside)


@triton.jit
def gelu(value):
    """gelu with its tanh approximation, as in the published configuration; fp32."""
    inner = 0.7978845608028654 * (value + 0.044715 * value * value * value)
    return value * (1.0 - 1.0 / (tl.exp(2.0 * inner) + 1.0))


@triton.jit
def _normed(states, width, eps):
    wide = states.to(tl.float32)
    return wide * tl.rsqrt(tl.sum(wide * wide, 0) / width + eps)
