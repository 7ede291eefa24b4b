"""Routes tokens to experts and gathers each expert's tokens, without sort or host sync."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def route(
    scores,
    expert_scale,
    lengths,
    chosen,
    shares,
    canvas,
    EXPERTS: tl.constexpr,
    TOP: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """The TOP likeliest experts of one token and their shares; program (token).

    `scores` [tokens, EXPERTS]; `chosen` (int32) and `shares` (fp32) [tokens, TOP]. Tokens beyond
    the canvas's length `lengths[1]` are not routed: expert -1, share 0.
    """
    token = tl.program_id(0)
    experts = tl.arange(0, BLOCK)
    inside = experts < EXPERTS
    score = tl.load(scores + token * EXPERTS + experts, mask=inside, other=0.0).to(tl.float32)
    score = tl.where(inside, score, -1.0e30)
    weights = tl.where(inside, tl.exp(score - tl.max(score, 0)), -1.0)
    places = tl.arange(0, TOP)
    taken = tl.zeros((TOP,), tl.float32)
    best = tl.zeros((TOP,), tl.int32)
    for place in tl.static_range(TOP):
        expert = tl.argmax(weights, 0)
        taken = tl.where(places == place, tl.max(weights, 0), taken)
        best = tl.where(places == place, expert, best)
        weights = tl.where(experts == expert, -1.0, weights)
    scale = tl.load(expert_scale + best).to(tl.float32)
    real = token % canvas < tl.load(lengths + 1)
    share = tl.where(real, taken / tl.sum(taken, 0) * scale, 0.0)
    tl.store(shares + token * TOP + places, share)
    tl.store(chosen + token * TOP + places, tl.where(real, best, -1))


@triton.jit
def gather(chosen, slots, counts, total, room, BLOCK: tl.constexpr):
    """The slots (token * TOP + place) that chose one expert, in order; program (expert).

    `chosen` [total]; `slots` [experts, room] and `counts` [experts], int32 all.
    """
    expert = tl.program_id(0)
    found = expert * 0
    for start in range(0, total, BLOCK):
        index = start + tl.arange(0, BLOCK)
        mine = tl.load(chosen + index, mask=index < total, other=-1) == expert
        before = tl.cumsum(mine.to(tl.int32), 0)
        tl.store(slots + expert * room + found + before - 1, index, mask=mine)
        found += tl.sum(mine.to(tl.int32), 0)
    tl.store(counts + expert, found)
