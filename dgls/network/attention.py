"""Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) over slots, for one text.

The library's attention also computes the scores that its mask hides, and its rounding depends on
the number of slots in a call. A long text is therefore read in blocks, which saves the hidden
scores, and few rows read whole blocks of slots, so that each rounds as in a pass of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_MANY = 64
"""With at least this many queries, the library's attention is faster than plain products."""

BLOCK = 64
"""Queries of one call of the library's attention; slots that few rows read in one piece."""

_ZERO = torch.zeros(())


@dataclass(frozen=True, slots=True)
class Sight:
    """Which slots each row sees.

    The rows are the last slots. `bias` [rows, slots] is added to the scores; None if every row sees
    all slots. Each of the first `causal` rows sees the slots before it and itself.
    """

    bias: Tensor | None
    causal: int

    def of_last(self, rows: int) -> Sight:
        """The sight of the last `rows` rows."""
        if self.bias is None:
            return self
        left_out = len(self.bias) - rows
        return Sight(self.bias[-rows:], max(0, self.causal - left_out))


def attend(queries: Tensor, keys: Tensor, values: Tensor, sight: Sight) -> Tensor:
    """The result for each row of queries [rows, heads, width]: [rows, heads * width].

    Keys and values are [kv_heads, slots, width]; so many heads in turn share each of them. There
    may be more values than keys: finite ones that no row reads, which saves a copy (`read`).
    """
    rows, heads, width = queries.shape
    slots, shared = keys.shape[1], heads // len(keys)
    if rows > _MANY:
        found = _read_in_blocks(
            queries.transpose(0, 1),
            keys.repeat_interleave(shared, 0),
            values[:, :slots].repeat_interleave(shared, 0),
            sight,
        )
        return found.transpose(0, 1).reshape(rows, heads * width)
    # Few queries: one product a group of heads that share keys, without copies of the keys.
    grouped = queries.reshape(rows, len(keys), shared, width).permute(1, 0, 2, 3)
    grouped = grouped.reshape(len(keys), rows * shared, width)
    scores = torch.baddbmm(
        _ZERO.to(grouped), grouped, keys.transpose(1, 2), beta=0, alpha=width**-0.5
    )
    if sight.bias is not None:
        scores.view(len(keys), rows, shared, -1).add_(sight.bias[:, None, :])
    found = read(scores.softmax(-1), values, rows, sight.causal)
    return found.view(len(keys), rows, shared, width).permute(1, 0, 2, 3).reshape(rows, -1)


def read(shares: Tensor, values: Tensor, rows: int, causal: int) -> Tensor:
    """What the last `rows` slots read, [kv_heads, rows * shared, width].

    `shares` are [kv_heads, rows * shared, slots], 0 where a row does not see a slot, and `values`
    [kv_heads, slots or more, width]. A product over more slots rounds its sums otherwise, even
    where the further shares are 0, and int8 makes whole steps of that. So each of the first
    `causal` rows, which see the slots up to their own, reads up to the end of its block of slots,
    whatever the later rows need: what it reads is the same to the last bit in a pass of its own.
    """
    slots = shares.shape[2]
    end = -(-slots // BLOCK) * BLOCK
    shares = functional.pad(shares, (0, end - slots))
    if values.shape[1] < end:
        values = functional.pad(values, (0, 0, 0, end - values.shape[1]))
    # The rows before a block's end, if the last rows are in the next one: at most 64 rows come.
    before = end - BLOCK - (slots - rows)
    first = max(0, min(before, causal)) * (shares.shape[1] // rows)
    later = shares[:, first:] @ values[:, :end]
    if not first:
        return later
    return torch.cat([shares[:, :first, : end - BLOCK] @ values[:, : end - BLOCK], later], dim=1)


def _read_in_blocks(queries: Tensor, keys: Tensor, values: Tensor, sight: Sight) -> Tensor:
    """The result for queries [heads, rows, width] over slots [heads, slots, width]."""
    rows, slots = queries.shape[1], keys.shape[1]
    size = BLOCK if sight.causal == rows else rows
    read = []
    for start in range(0, rows, size):
        end = min(rows, start + size)
        seen = slots - rows + end
        block = functional.scaled_dot_product_attention(
            queries[None, :, start:end],
            keys[None, :, :seen],
            values[None, :, :seen],
            attn_mask=None if sight.bias is None else sight.bias[start:end, :seen],
        )
        read.append(block[0])
    return torch.cat(read, 1)
