"""The 4-bit format is as documented, and agrees with the common library for it."""

from __future__ import annotations

import itertools

import pytest
import torch

from dgls.network.nf4 import BLOCK, LEVELS, Nf4, dequantize_nf4, quantize_nf4

GENERATOR = torch.Generator().manual_seed(0)


def weight(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR).bfloat16()


def test_the_format_has_the_shapes_that_kernels_rely_on() -> None:
    held = quantize_nf4(weight(3, 10, 2 * BLOCK))
    assert (held.packed.dtype, tuple(held.packed.shape)) == (torch.uint8, (3, 10, BLOCK))
    assert (held.absmax.dtype, tuple(held.absmax.shape)) == (torch.bfloat16, (3, 10, 2))
    assert tuple(held.shape) == (3, 10, 2 * BLOCK)
    assert held.nbytes == 3 * 10 * 2 * BLOCK * 4.25 / 8


def test_the_first_column_is_the_high_half_of_the_first_byte() -> None:
    row = torch.zeros(1, BLOCK)
    row[0, 0], row[0, 1] = 2.0, -2.0
    held = quantize_nf4(row)
    assert held.packed[0, 0].item() == 15 << 4 | 0
    assert held.packed[0, 1].item() == 7 << 4 | 7
    assert held.absmax.item() == 2.0


def test_levels_times_a_scale_are_restored_exactly() -> None:
    rows = torch.tensor([*LEVELS] * 4).view(1, BLOCK) * torch.tensor([[1.0], [0.25], [512.0]])
    assert torch.equal(dequantize_nf4(quantize_nf4(rows)), rows)


def test_zeros_stay_zeros() -> None:
    assert dequantize_nf4(quantize_nf4(torch.zeros(2, BLOCK))).count_nonzero() == 0


def test_no_weight_moves_by_more_than_half_the_widest_step() -> None:
    before = weight(40, 4 * BLOCK).float()
    after = dequantize_nf4(quantize_nf4(before))
    widest = max(b - a for a, b in itertools.pairwise(LEVELS)) / 2
    most = before.unflatten(-1, (-1, BLOCK)).abs().amax(-1, keepdim=True)
    error = (after - before).unflatten(-1, (-1, BLOCK)).abs()
    assert (error <= widest * most * 1.0001).all()
    relative = (after - before).pow(2).mean().sqrt() / before.pow(2).mean().sqrt()
    assert relative == pytest.approx(0.09, abs=0.01)


def test_experts_are_quantised_apart() -> None:
    both = weight(2, 8, BLOCK)
    held = quantize_nf4(both)
    for index in range(2):
        alone = quantize_nf4(both[index])
        assert torch.equal(held[index].packed, alone.packed)
        assert torch.equal(dequantize_nf4(held[index]), dequantize_nf4(held)[index])


def test_levels_and_bytes_equal_those_of_bitsandbytes() -> None:
    functional = pytest.importorskip("bitsandbytes.functional", reason="bitsandbytes is optional")
    before = weight(16, 2 * BLOCK)
    theirs, state = functional.quantize_4bit(before, blocksize=BLOCK, quant_type="nf4")
    ours = quantize_nf4(before)
    assert torch.equal(theirs.view(16, BLOCK), ours.packed)
    assert torch.equal(state.absmax.view(16, 2), ours.absmax.float())
    read = Nf4(theirs.view(16, BLOCK), state.absmax.view(16, 2).bfloat16())
    back = functional.dequantize_4bit(theirs, state)
    assert torch.equal(dequantize_nf4(read, torch.bfloat16), back)
