"""The experts' matrices times the tokens routed to them, in bf16, 8 bits or 4 bits.

A program owns some rows of one expert's matrix and multiplies them with every token of that expert,
so that a step reads each weight once (again only for tokens beyond a block, and then from the
cache).
"""

from __future__ import annotations

import triton
import triton.language as tl

from dgls.network.fast.kernels.norms import gelu


@triton.jit
def widen(
    states,
    weight,
    scales,
    slots,
    counts,
    out,
    room,
    TOP: tl.constexpr,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    SCALED: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """gelu(gate) * up of each slot; program (rows of the matrix, expert).

    `states` [tokens, DEPTH], `weight` [experts, 2 * WIDTH, DEPTH], `out` [tokens * TOP, WIDTH]. If
    SCALED, weights are int8 and each row has its fp32 scale in `scales`.
    """
    expert = tl.program_id(1)
    count = tl.load(counts + expert)
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    depth = tl.arange(0, BLOCK_K)
    gates = weight + expert.to(tl.int64) * 2 * WIDTH * DEPTH
    gates = gates + rows[None, :] * DEPTH + depth[:, None]
    for first in range(0, count, BLOCK_M):
        index = first + tl.arange(0, BLOCK_M)
        mine = index < count
        slot = tl.load(slots + expert * room + index, mask=mine, other=0)
        inputs = states + (slot // TOP).to(tl.int64)[:, None] * DEPTH + depth[None, :]
        gate = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        up = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for start in range(0, DEPTH, BLOCK_K):
            state = tl.load(inputs + start, mask=mine[:, None], other=0.0)
            weights = tl.load(gates + start).to(state.dtype)
            gate = tl.dot(state, weights, gate, input_precision="ieee")
            weights = tl.load(gates + WIDTH * DEPTH + start).to(state.dtype)
            up = tl.dot(state, weights, up, input_precision="ieee")
        if SCALED:
            scale = scales + expert * 2 * WIDTH + rows
            gate = gate * tl.load(scale)[None, :]
            up = up * tl.load(scale + WIDTH)[None, :]
        _store_gated(gate, up, out, slot, rows, mine, WIDTH)


@triton.jit
def narrow(
    inner,
    weight,
    scales,
    slots,
    counts,
    out,
    room,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    SCALED: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Each slot back to the model's width; program (rows of the matrix, expert).

    `inner` [slots, DEPTH], `weight` [experts, WIDTH, DEPTH], `out` [slots, WIDTH]; SCALED as in
    `widen`.
    """
    expert = tl.program_id(1)
    count = tl.load(counts + expert)
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    depth = tl.arange(0, BLOCK_K)
    weights = weight + expert.to(tl.int64) * WIDTH * DEPTH
    weights = weights + rows[None, :] * DEPTH + depth[:, None]
    for first in range(0, count, BLOCK_M):
        index = first + tl.arange(0, BLOCK_M)
        mine = index < count
        slot = tl.load(slots + expert * room + index, mask=mine, other=0).to(tl.int64)
        inputs = inner + slot[:, None] * DEPTH + depth[None, :]
        total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for start in range(0, DEPTH, BLOCK_K):
            state = tl.load(inputs + start, mask=mine[:, None], other=0.0)
            weight_part = tl.load(weights + start).to(state.dtype)
            total = tl.dot(state, weight_part, total, input_precision="ieee")
        if SCALED:
            total = total * tl.load(scales + expert * WIDTH + rows)[None, :]
        tl.store(out + slot[:, None] * WIDTH + rows[None, :], total, mask=mine[:, None])


@triton.jit
def widen_nf4(
    evens,
    odds,
    packed,
    scales,
    levels,
    slots,
    counts,
    out,
    room,
    TOP: tl.constexpr,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    UNROLL: tl.constexpr,
):
    """`widen` from 4 bits: `packed` [experts, 2 * WIDTH, DEPTH / 2], a scale per 64 weights.

    `evens` and `odds` [tokens, DEPTH / 2] are the states at even and odd indices, because a byte
    has the weight of an even index in its upper half and that of the odd index in its lower half.
    """
    expert = tl.program_id(1)
    count = tl.load(counts + expert)
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    gates = expert.to(tl.int64) * 2 * WIDTH * (DEPTH // 2)
    for first in range(0, count, BLOCK_M):
        index = first + tl.arange(0, BLOCK_M)
        mine = index < count
        slot = tl.load(slots + expert * room + index, mask=mine, other=0)
        at = (slot // TOP).to(tl.int64)
        gate = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        up = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for start in range(0, DEPTH // 64, UNROLL):
            # Together these blocks are one memory transaction: 32 bytes of each row.
            for part in tl.static_range(UNROLL):
                block = start + part
                even, odd = _halves(evens, odds, at, mine, block, DEPTH)
                here = gates + rows * (DEPTH // 2)
                gate = _times_nf4(gate, even, odd, packed, scales, levels, here, block)
                here = here + WIDTH * (DEPTH // 2)
                up = _times_nf4(up, even, odd, packed, scales, levels, here, block)
        _store_gated(gate, up, out, slot, rows, mine, WIDTH)


@triton.jit
def narrow_nf4(
    evens,
    odds,
    packed,
    scales,
    levels,
    slots,
    counts,
    out,
    room,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    UNROLL: tl.constexpr,
):
    """`narrow` from 4 bits: `packed` [experts, WIDTH, DEPTH / 2]; `evens`, `odds` of the slots."""
    expert = tl.program_id(1)
    count = tl.load(counts + expert)
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    here = expert.to(tl.int64) * WIDTH * (DEPTH // 2) + rows * (DEPTH // 2)
    for first in range(0, count, BLOCK_M):
        index = first + tl.arange(0, BLOCK_M)
        mine = index < count
        slot = tl.load(slots + expert * room + index, mask=mine, other=0).to(tl.int64)
        total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for start in range(0, DEPTH // 64, UNROLL):
            for part in tl.static_range(UNROLL):
                block = start + part
                even, odd = _halves(evens, odds, slot, mine, block, DEPTH)
                total = _times_nf4(total, even, odd, packed, scales, levels, here, block)
        tl.store(out + slot[:, None] * WIDTH + rows[None, :], total, mask=mine[:, None])


@triton.jit
def _halves(evens, odds, at, mine, block, DEPTH: tl.constexpr):
    depth = block * 32 + tl.arange(0, 32)
    here = at[:, None] * (DEPTH // 2) + depth[None, :]
    even = tl.load(evens + here, mask=mine[:, None], other=0.0)
    return even, tl.load(odds + here, mask=mine[:, None], other=0.0)


@triton.jit
def _times_nf4(total, even, odd, packed, scales, levels, here, block):
    """`total` plus 64 columns of the rows at `here`, whose one scale is applied after the sum."""
    pairs = tl.load(packed + here[None, :] + block * 32 + tl.arange(0, 32)[:, None]).to(tl.int32)
    upper = tl.load(levels + (pairs >> 4))
    part = tl.dot(even, upper, input_precision="ieee")
    lower = tl.load(levels + (pairs & 15))
    part = tl.dot(odd, lower, part, input_precision="ieee")
    scale = tl.load(scales + here // 32 + block).to(tl.float32)
    return total + part * scale[None, :]


@triton.jit
def _store_gated(gate, up, out, slot, rows, mine, WIDTH: tl.constexpr):
    kind = out.dtype.element_ty
    gate = gelu(gate.to(kind).to(tl.float32)).to(kind).to(tl.float32)
    inner = gate * up.to(kind).to(tl.float32)
    here = slot.to(tl.int64)[:, None] * WIDTH + rows[None, :]
    tl.store(out + here, inner, mask=mine[:, None])


@triton.jit
def rows8(
    states,
    steps,
    scale,
    out,
    tokens,
    DEPTH: tl.constexpr,
    WIDTH: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """An 8-bit matrix times all tokens; program (rows of the matrix, tokens).

    `states` [tokens, DEPTH], `steps` int8 [WIDTH, DEPTH], `scale` fp32 [WIDTH], `out` [tokens,
    WIDTH]. The scale is applied after the sum.
    """
    rows = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    index = tl.program_id(1) * BLOCK_M + tl.arange(0, BLOCK_M)
    depth = tl.arange(0, BLOCK_K)
    mine = index < tokens
    weights = steps + rows.to(tl.int64)[None, :] * DEPTH + depth[:, None]
    inputs = states + index.to(tl.int64)[:, None] * DEPTH + depth[None, :]
    total = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, DEPTH, BLOCK_K):
        state = tl.load(inputs + start, mask=mine[:, None], other=0.0)
        weight = tl.load(weights + start).to(state.dtype)
        total = tl.dot(state, weight, total, input_precision="ieee")
    total = total * tl.load(scale + rows)[None, :]
    tl.store(out + index.to(tl.int64)[:, None] * WIDTH + rows[None, :], total, mask=mine[:, None])
