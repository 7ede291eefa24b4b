"""Attention gives the same result for a text read at once, in pieces, or through a mask."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.attention import attend, sight_of, whole_blocks

KV_HEADS = 2


def random(rows: int, slots: int, heads: int = 8, width: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of the rows, keys and values of the slots."""
    torch.manual_seed(slots + rows)
    filled = torch.randn(2, KV_HEADS, slots, width)
    return torch.randn(rows, heads, width), filled[0], filled[1]


def read(queries: Tensor, keys: Tensor, values: Tensor, seen: Tensor, causal: int) -> Tensor:
    return attend(queries, in_blocks(keys), in_blocks(values), sight_of(seen, causal))


def in_blocks(filled: Tensor) -> Tensor:
    return functional.pad(filled, (0, 0, 0, whole_blocks(filled.shape[1]) - filled.shape[1]))


def alone(query: Tensor, keys: Tensor, values: Tensor, end: int) -> Tensor:
    """What one row reads in a pass of its own, after which there are `end` slots."""
    seen = torch.ones(1, end, dtype=torch.bool)
    return read(query[None], keys[:, :end], values[:, :end], seen, 1)[0]


def causal_sight(rows: int, slots: int) -> Tensor:
    return torch.ones(rows, slots, dtype=torch.bool).tril(slots - rows)


@pytest.mark.parametrize(("before", "rows"), [(0, 3), (70, 5), (500, 40)])
def test_attention_equals_the_librarys(before: int, rows: int) -> None:
    queries, keys, values = random(rows, before + rows)
    seen = causal_sight(rows, before + rows)
    expected = functional.scaled_dot_product_attention(
        queries.transpose(0, 1), keys.repeat_interleave(4, 0), values.repeat_interleave(4, 0), seen
    )
    found = read(queries, keys, values, seen, rows)
    torch.testing.assert_close(found, expected.transpose(0, 1).reshape(rows, -1))


@pytest.mark.parametrize(
    ("before", "rows"),
    [(0, 65), (0, 128), (0, 300), (7, 64), (7, 65), (500, 129)],
    ids=lambda value: str(value),
)
def test_rows_read_together_equal_rows_read_alone(before: int, rows: int) -> None:
    queries, keys, values = random(rows, before + rows)
    seen = causal_sight(rows, before + rows)
    expected = torch.stack(
        [alone(queries[row], keys, values, before + row + 1) for row in range(rows)]
    )
    torch.testing.assert_close(read(queries, keys, values, seen, rows), expected)
    torch.testing.assert_close(read(queries, keys, values, seen, 0), expected)


def test_a_mask_hides_slots_from_many_rows_too() -> None:
    queries, keys, values = random(70, 90)
    seen = torch.ones(70, 90, dtype=torch.bool)
    seen[:, 40:] = False
    hidden = read(queries, keys, values, seen, 0)
    shorter = read(queries, keys[:, :40], values[:, :40], seen[:, :40], 0)
    torch.testing.assert_close(hidden, shorter)


@pytest.mark.parametrize("before", [9, 97, 120, 183, 252, 517])
@pytest.mark.parametrize(("rows", "masks"), [(2, 0), (8, 3), (16, 0), (16, 4), (60, 4)])
@pytest.mark.parametrize("last", [None, 6, 2])
@pytest.mark.parametrize(("heads", "width"), [(14, 64), (12, 128)], ids=["0.5B", "1.5B"])
def test_tokens_before_masks_read_bit_equal_to_alone(
    before: int, rows: int, masks: int, last: int | None, heads: int, width: int
) -> None:
    """At the laptop models' sizes, where int8 turns rounding differences into whole steps."""
    slots, causal = before + rows, rows - masks
    queries, keys, values = random(rows, slots, heads, width)
    seen = causal_sight(rows, slots)
    seen[causal:, before + 2 : before + causal] = False
    sight = sight_of(seen, causal)
    wanted = queries if last is None else queries[-last:]
    sight = sight if last is None else sight.of_last(len(wanted))
    found = attend(wanted, in_blocks(keys), in_blocks(values), sight)
    skipped = rows - len(wanted)
    for row in range(skipped, causal):
        expected = alone(queries[row], keys, values, before + row + 1)
        assert torch.equal(found[row - skipped], expected)
