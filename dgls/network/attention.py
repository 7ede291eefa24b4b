"""Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) over slots, for one text.

The library's attention also computes the scores that its mask hides, and its rounding depends on
the number of slots in a call. A long text is therefore read in blocks, which saves the hidden
scores, and each row of a draft is computed exactly as in its own pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_MANY = 64
"""With at least this many queries, the library's attention is faster than plain products."""

_BLOCK = 64
"""Queries in one call of the library's attention."""

_IN_TURN = 16
"""With at most this many queries, each reads bit-exactly what its own pass would read."""

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

    Keys and values are [kv_heads, slots, width]; each is shared by an equal number of consecutive
    heads.
    """
    rows, heads, width = queries.shape
    shared = heads // len(keys)
    if rows > _MANY:
        read = _read_in_blocks(
            queries.transpose(0, 1),
            keys.repeat_interleave(shared, 0),
            values.repeat_interleave(shared, 0),
            sight,
        )
        return read.transpose(0, 1).reshape(rows, heads * width)
    # Few queries: one product per group of heads that share keys, without copying the keys.
    grouped = queries.reshape(rows, len(keys), shared, width).permute(1, 0, 2, 3)
    grouped = grouped.reshape(len(keys), rows * shared, width)
    scores = torch.baddbmm(
        _ZERO.to(grouped), grouped, keys.transpose(1, 2), beta=0, alpha=width**-0.5
    )
    if sight.bias is not None:
        scores = scores.view(len(keys), rows, shared, -1) + sight.bias[:, None, :]
        scores = scores.view(len(keys), rows * shared, -1)
    shares = scores.softmax(-1)
    in_turn = sight.causal if rows <= _IN_TURN and queries.device.type == "cpu" else 0
    read = read_in_turn(shares, values, rows, in_turn)
    return read.view(len(keys), rows, shared, width).permute(1, 0, 2, 3).reshape(rows, -1)


def read_in_turn(shares: Tensor, values: Tensor, rows: int, causal: int) -> Tensor:
    """The result for the last `rows` slots: the first `causal` of them read values up to their own.

    A product over more slots rounds its sums differently, even if the further shares are 0, and
    int8 quantisation turns such differences into whole steps.
    """
    first = values.shape[1] - rows + 1
    by_row = shares.view(len(shares), rows, -1, shares.shape[-1])
    read = [by_row[:, row, :, : first + row] @ values[:, : first + row] for row in range(causal)]
    if causal < rows:
        read.append(by_row[:, causal:].flatten(1, 2) @ values)
    return torch.cat(read, dim=1)


def _read_in_blocks(queries: Tensor, keys: Tensor, values: Tensor, sight: Sight) -> Tensor:
    """The result for queries [heads, rows, width] over slots [heads, slots, width]."""
    rows, slots = queries.shape[1], keys.shape[1]
    size = _BLOCK if sight.causal == rows else rows
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
