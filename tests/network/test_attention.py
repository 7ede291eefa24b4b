"""Attention gives the same result for a text read at once, in pieces, or through a mask."""

from __future__ import annotations

import pytest
import torch

from dgls.network.attention import Sight, attend

HEADS, KV_HEADS, WIDTH = 6, 2, 8


@pytest.mark.parametrize(
    ("before", "rows"),
    [(0, 65), (0, 128), (0, 300), (7, 64), (7, 65), (500, 129)],
    ids=lambda value: str(value),
)
def test_rows_of_a_text_read_what_each_would_read_alone(before: int, rows: int) -> None:
    torch.manual_seed(before + rows)
    slots = before + rows
    queries = torch.randn(rows, HEADS, WIDTH)
    keys, values = torch.randn(KV_HEADS, slots, WIDTH), torch.randn(KV_HEADS, slots, WIDTH)
    seen = torch.ones(rows, slots, dtype=torch.bool).tril(before)
    bias = torch.zeros(rows, slots).masked_fill(~seen, float("-inf"))
    together = attend(queries, keys, values, Sight(bias, causal=rows))
    masked = attend(queries, keys, values, Sight(bias, causal=0))
    alone = torch.cat(
        [
            attend(
                queries[row : row + 1],
                keys[:, : before + row + 1],
                values[:, : before + row + 1],
                Sight(None, causal=1),
            )
            for row in range(rows)
        ]
    )
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(masked, alone)


def test_a_mask_hides_slots_from_many_rows_too() -> None:
    torch.manual_seed(1)
    queries, slots = torch.randn(70, HEADS, WIDTH), 90
    keys, values = torch.randn(KV_HEADS, slots, WIDTH), torch.randn(KV_HEADS, slots, WIDTH)
    bias = torch.zeros(70, slots)
    bias[:, 40:] = float("-inf")
    hidden = attend(queries, keys, values, Sight(bias, causal=0))
    shorter = attend(queries, keys[:, :40], values[:, :40], Sight(None, causal=0))
    torch.testing.assert_close(hidden, shorter)


@pytest.mark.parametrize("before", [97, 301, 517])
@pytest.mark.parametrize("last", [None, 6, 2])
def test_tokens_before_masks_read_to_the_last_bit_what_each_reads_alone(
    before: int, last: int | None
) -> None:
    """At the laptop model's sizes, where int8 turns rounding differences into whole steps."""
    torch.manual_seed(before)
    rows, causal = 8, 5
    heads, width = 14, 64
    slots = before + rows
    queries = torch.randn(rows, heads, width)
    keys, values = torch.randn(KV_HEADS, slots, width), torch.randn(KV_HEADS, slots, width)
    seen = torch.ones(rows, slots, dtype=torch.bool).tril(before)
    seen[causal:, before + 2 : before + causal] = False
    sight = Sight(torch.zeros(rows, slots).masked_fill(~seen, float("-inf")), causal)
    if last is not None:
        queries, sight = queries[-last:], sight.of_last(last)
    skipped = rows - len(queries)
    read = attend(queries, keys, values, sight)
    for row in range(skipped, causal):
        end = before + row + 1
        one = queries[row - skipped : row - skipped + 1]
        alone = attend(one, keys[:, :end], values[:, :end], Sight(None, 1))
        assert torch.equal(read[row - skipped], alone[0])
