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

    The rows are the last of the `slots`. `bias` [rows, whole_blocks(slots)] is added to the scores;
    it hides what comes after the slots. Each of the first `causal` rows sees the slots before it
    and itself.
    """

    bias: Tensor
    slots: int
    causal: int

    def of_last(self, rows: int) -> Sight:
        """The sight of the last `rows` rows."""
        left_out = len(self.bias) - rows
        return Sight(self.bias[-rows:], self.slots, max(0, self.causal - left_out))


def whole_blocks(slots: int) -> int:
    """The number of slots in the blocks that hold so many."""
    return -(-slots // BLOCK) * BLOCK


def sight_of(seen: Tensor, causal: int, dtype: torch.dtype = torch.float32) -> Sight:
    """The sight of rows that see `seen`, bool [rows, slots], with a bias of that type."""
    rows, slots = seen.shape
    bias = seen.new_full((rows, whole_blocks(slots)), float("-inf"), dtype=dtype)
    bias[:, :slots].masked_fill_(seen, 0.0)
    return Sight(bias, slots, causal)


def attend(queries: Tensor, keys: Tensor, values: Tensor, sight: Sight) -> Tensor:
    """The result for each row of queries [rows, heads, width]: [rows, heads * width].

    Keys and values are [kv_heads, whole_blocks(slots), width], and what comes after the slots is
    finite. A fixed number of heads in turn share each of them. On a CPU, if at least four do, each
    of up to 64 causal rows gets the same result as in a pass of its own, to the last bit.
    """
    rows, heads, width = queries.shape
    shared = heads // len(keys)
    if rows > _MANY:
        found = _read_in_blocks(
            queries.transpose(0, 1),
            keys.repeat_interleave(shared, 0),
            values.repeat_interleave(shared, 0),
            sight,
        )
        return found.transpose(0, 1).reshape(rows, heads * width)
    # Few queries: one product a group of heads that share keys, without copies of the keys.
    grouped = queries.reshape(rows, len(keys), shared, width).permute(1, 0, 2, 3)
    grouped = grouped.reshape(len(keys), rows * shared, width)
    scores = torch.baddbmm(
        _ZERO.to(grouped), grouped, keys.transpose(1, 2), beta=0, alpha=width**-0.5
    )
    scores.view(len(keys), rows, shared, -1).add_(sight.bias[:, None, :])
    found = _read(scores.softmax(-1), values, rows, sight)
    return found.view(len(keys), rows, shared, width).permute(1, 0, 2, 3).reshape(rows, -1)


def _read(shares: Tensor, values: Tensor, rows: int, sight: Sight) -> Tensor:
    """The sums of `values` by `shares` [kv_heads, rows * shared, blocks], [.., width].

    A product over more slots rounds its sums differently, even where the further shares are 0, and
    int8 turns that into whole steps. So a causal row reads up to the end of its own block of slots,
    even if later rows are in the next block.
    """
    last_block = values.shape[1] - BLOCK
    before = min(sight.causal, last_block - (sight.slots - rows))
    first = max(0, before) * (shares.shape[1] // rows)
    later = shares[:, first:] @ values
    if not first:
        return later
    return torch.cat([shares[:, :first, :last_block] @ values[:, :last_block], later], dim=1)


def _read_in_blocks(queries: Tensor, keys: Tensor, values: Tensor, sight: Sight) -> Tensor:
    """The result for queries [heads, rows, width] over slots [heads, slots, width]."""
    rows = queries.shape[1]
    size = BLOCK if sight.causal == rows else rows
    read = []
    for start in range(0, rows, size):
        end = min(rows, start + size)
        seen = sight.slots - rows + end
        block = functional.scaled_dot_product_attention(
            queries[None, :, start:end],
            keys[None, :, :seen],
            values[None, :, :seen],
            attn_mask=sight.bias[start:end, :seen],
        )
        read.append(block[0])
    return torch.cat(read, 1)
