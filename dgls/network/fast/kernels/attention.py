"""Attention of a canvas over the cached prefix and itself; lengths are read on the device.

Because the lengths are numbers in memory, one captured graph serves every prefix. Keys are split
over programs, because a canvas alone has too few queries to fill a GPU; a second kernel merges the
parts.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def heads(
    parts,
    query_norm,
    key_norm,
    cosines,
    sines,
    lengths,
    queries,
    keys,
    values,
    canvas,
    eps,
    HEADS: tl.constexpr,
    SHARED: tl.constexpr,
    TIED: tl.constexpr,
    DIM: tl.constexpr,
):
    """Norms and rotates one head of one token; program (token, head).

    `parts` [tokens, HEADS + SHARED (+ SHARED), DIM] are queries, keys and values before their
    norms; if TIED, keys are also the values and stored once. `cosines` and `sines` [positions, DIM
    / 2] are read at the prefix's length plus the index in the canvas. `queries` [tokens, HEADS,
    DIM], `keys` and `values` [rows, SHARED, canvas, DIM].
    """
    token = tl.program_id(0)
    head = tl.program_id(1)
    half = tl.arange(0, DIM // 2)
    total: tl.constexpr = HEADS + SHARED if TIED else HEADS + 2 * SHARED
    here = parts + (token.to(tl.int64) * total + head) * DIM + half
    first = tl.load(here).to(tl.float32)
    second = tl.load(here + DIM // 2).to(tl.float32)
    squares = tl.sum(first * first, 0) + tl.sum(second * second, 0)
    inverse = tl.rsqrt(squares / DIM + eps)
    first = first * inverse
    second = second * inverse
    row = token // canvas
    place = token % canvas
    if head < HEADS:
        target = queries + (token.to(tl.int64) * HEADS + head) * DIM + half
        _turn(first, second, query_norm, cosines, sines, lengths, place, target, DIM)
    else:
        shared = (head - HEADS) % SHARED
        offset = ((row.to(tl.int64) * SHARED + shared) * canvas + place) * DIM + half
        if head < HEADS + SHARED:
            _turn(first, second, key_norm, cosines, sines, lengths, place, keys + offset, DIM)
        if TIED or head >= HEADS + SHARED:
            tl.store(values + offset, first)
            tl.store(values + offset + DIM // 2, second)


@triton.jit
def _turn(first, second, norm, cosines, sines, lengths, place, target, DIM: tl.constexpr):
    half = tl.arange(0, DIM // 2)
    kind = target.dtype.element_ty
    first = (first * tl.load(norm + half).to(tl.float32)).to(kind).to(tl.float32)
    second = (second * tl.load(norm + DIM // 2 + half).to(tl.float32)).to(kind).to(tl.float32)
    at = (tl.load(lengths) + place).to(tl.int64) * (DIM // 2) + half
    cosine = tl.load(cosines + at).to(tl.float32)
    sine = tl.load(sines + at).to(tl.float32)
    tl.store(target, first * cosine - second * sine)
    tl.store(target + DIM // 2, second * cosine + first * sine)


@triton.jit
def attend(
    queries,
    prefix_keys,
    prefix_values,
    canvas_keys,
    canvas_values,
    lengths,
    parts,
    peaks,
    sums,
    canvas,
    room,
    KEPT: tl.constexpr,
    HEADS: tl.constexpr,
    SHARED: tl.constexpr,
    DIM: tl.constexpr,
    SPLITS: tl.constexpr,
    BLOCK_Q: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """A part of the attention; program (block of queries, row and key head, split).

    Split SPLITS is the canvas itself, the others share the prefix. `queries` [rows * canvas, HEADS,
    DIM], `prefix_*` [SHARED, room, DIM] for all rows, `canvas_*` [rows, SHARED, canvas, DIM].
    `lengths[KEPT]` prefix keys and `lengths[1]` canvas keys are valid. `parts` [SPLITS + 1, rows *
    canvas, HEADS, DIM], `peaks` and `sums` without DIM.
    """
    split = tl.program_id(2)
    row = tl.program_id(1) // SHARED
    shared = tl.program_id(1) % SHARED
    group: tl.constexpr = HEADS // SHARED
    asked = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    inside = asked < canvas * group
    # Row of [rows * canvas, HEADS] for each query of this key head.
    place = (row * canvas + asked // group) * HEADS + shared * group + asked % group
    dims = tl.arange(0, DIM)
    query = tl.load(
        queries + place.to(tl.int64)[:, None] * DIM + dims[None, :], mask=inside[:, None], other=0.0
    )
    kept = tl.load(lengths + KEPT)
    share = tl.cdiv(tl.cdiv(kept, SPLITS), BLOCK_K) * BLOCK_K
    begin = split * share
    end = tl.minimum(begin + share, kept)
    keys = prefix_keys + shared.to(tl.int64) * room * DIM
    values = prefix_values + shared.to(tl.int64) * room * DIM
    if split == SPLITS:
        begin = split * 0
        end = tl.load(lengths + 1)
        own = (row * SHARED + shared).to(tl.int64) * canvas * DIM
        keys = canvas_keys + own
        values = canvas_values + own
    peak = tl.full((BLOCK_Q,), -1.0e30, tl.float32)
    total = tl.zeros((BLOCK_Q,), tl.float32)
    mixed = tl.zeros((BLOCK_Q, DIM), tl.float32)
    for start in range(begin, end, BLOCK_K):
        index = start + tl.arange(0, BLOCK_K)
        valid = index < end
        key = tl.load(keys + index[None, :] * DIM + dims[:, None], mask=valid[None, :], other=0.0)
        scores = tl.dot(query, key, input_precision="ieee")
        scores = tl.where(valid[None, :], scores, -1.0e30)
        higher = tl.maximum(peak, tl.max(scores, 1))
        weights = tl.where(valid[None, :], tl.exp(scores - higher[:, None]), 0.0)
        shrink = tl.exp(peak - higher)
        total = total * shrink + tl.sum(weights, 1)
        value = tl.load(
            values + index[:, None] * DIM + dims[None, :], mask=valid[:, None], other=0.0
        )
        mixed = mixed * shrink[:, None]
        mixed = tl.dot(weights.to(value.dtype), value, mixed, input_precision="ieee")
        peak = higher
    here = (split * tl.num_programs(1) // SHARED * canvas * HEADS + place).to(tl.int64)
    tl.store(parts + here[:, None] * DIM + dims[None, :], mixed, mask=inside[:, None])
    tl.store(peaks + here, peak, mask=inside)
    tl.store(sums + here, total, mask=inside)


@triton.jit
def merge(parts, peaks, sums, out, heads_in_all, DIM: tl.constexpr, PARTS: tl.constexpr):
    """Merges the parts of one head of one token: `out` [heads_in_all, DIM]; program (head)."""
    head = tl.program_id(0).to(tl.int64)
    dims = tl.arange(0, DIM)
    highest = tl.load(peaks + head)
    for part in tl.static_range(1, PARTS):
        highest = tl.maximum(highest, tl.load(peaks + part * heads_in_all + head))
    mixed = tl.zeros((DIM,), tl.float32)
    total = 0.0
    for part in tl.static_range(PARTS):
        here = part * heads_in_all + head
        weight = tl.exp(tl.load(peaks + here) - highest)
        total += tl.load(sums + here) * weight
        mixed += tl.load(parts + here * DIM + dims) * weight
    tl.store(out + head * DIM + dims, mixed / total)
