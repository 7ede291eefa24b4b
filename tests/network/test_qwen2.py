"""The Qwen2 of dgls against that of transformers, and its slots."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dgls.network.linear import DenseLinear, Int8Linear, can_multiply_int8, quantized
from dgls.network.products import JOINED
from dgls.network.rows import Rows
from dgls.network.slots import Slots, SlotShape
from tests.support.qwen2 import VOCABULARY, library_model, tiny_int8, tiny_network

EXACT = {"atol": 1e-3, "rtol": 1e-3}

needs_int8 = pytest.mark.skipif(
    not can_multiply_int8(), reason="torch has no int8 products on this machine"
)


def tokens(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(VOCABULARY, (count,), generator=generator)


@torch.inference_mode()
def theirs(text: Tensor, tied: bool = False) -> Tensor:
    logits: Tensor = library_model(tied)(text[None]).logits[0]
    return logits


def ours(text: Tensor, tied: bool = False) -> Tensor:
    network = tiny_network(tied)
    return network.logits(network.read(Rows(text), network.slots(8)))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("count", [1, 2, 17, 64, 65, 300])
def test_logits_equal_those_of_transformers(count: int, tied: bool) -> None:
    text = tokens(count, seed=count)
    torch.testing.assert_close(ours(text, tied), theirs(text, tied), **EXACT)


@pytest.mark.parametrize("pieces", [(1,) * 12, (5, 7), (10, 1, 1), (300, 3, 70)])
def test_reading_in_pieces_equals_reading_at_once(pieces: tuple[int, ...]) -> None:
    text, network = tokens(sum(pieces)), tiny_network()
    slots = network.slots(1)
    read = torch.cat([network.read(Rows(piece), slots) for piece in text.split(list(pieces))])
    torch.testing.assert_close(network.logits(read), theirs(text), **EXACT)
    assert slots.length == len(text)


@pytest.mark.parametrize("last", [1, 3, 9])
def test_the_last_states_alone_equal_those_of_all(last: int) -> None:
    text, network = tokens(90), tiny_network()
    whole = network.read(Rows(text), network.slots(90))
    torch.testing.assert_close(
        network.read(Rows(text), network.slots(90), last=last), whole[-last:], **EXACT
    )


def test_branches_of_one_text_do_not_see_each_other() -> None:
    text, network = tokens(20), tiny_network()
    branches = [tokens(4, seed=1), tokens(6, seed=2)]
    slots = network.slots(64)
    network.read(Rows(text), slots)
    positions = torch.cat([torch.arange(20, 24), torch.arange(20, 26)])
    mask = torch.zeros(10, 30, dtype=torch.bool)
    mask[:, :20] = True
    mask[:4, 20:24] = torch.ones(4, 4).tril().bool()
    mask[4:, 24:] = torch.ones(6, 6).tril().bool()
    read = network.logits(network.read(Rows(torch.cat(branches), positions, mask), slots))
    for branch, logits in zip(branches, read.split([4, 6]), strict=True):
        torch.testing.assert_close(logits, theirs(torch.cat([text, branch]))[20:], **EXACT)


def test_text_that_was_cut_off_leaves_no_trace() -> None:
    text, network = tokens(30), tiny_network()
    slots = network.slots(30)
    network.read(Rows(text[:20]), slots)
    network.read(Rows(tokens(9, seed=5)), slots)
    slots.cut(20)
    read = network.logits(network.read(Rows(text[20:]), slots))
    torch.testing.assert_close(read, theirs(text)[20:], **EXACT)


def filled(length: int) -> Slots:
    """Slots in which the key of slot n is n everywhere, and the value is -n."""
    slots = Slots(SlotShape(2, 1, 4), 1)
    slots.reserve(length)
    numbers = torch.arange(length).float()[None, :, None].expand(1, length, 4)
    for layer in range(2):
        slots.write(layer, numbers, -numbers)
    slots.advance(length)
    return slots


def held(slots: Slots) -> list[int]:
    keys, values = slots.keys[:, :, : slots.length], slots.values[:, :, : slots.length]
    assert torch.equal(keys, -values)
    assert torch.equal(keys[0], keys[1])
    return [int(each) for each in keys[0, 0, :, 0]]


@pytest.mark.parametrize(
    ("length", "then", "expected"),
    [
        (2, [], [0, 1]),
        (2, [2, 3], [0, 1, 2, 3]),
        (2, [4], [0, 1, 4]),
        (0, [1, 3, 5], [1, 3, 5]),
        (3, [3, 5], [0, 1, 2, 3, 5]),
    ],
)
def test_kept_slots_move_together(length: int, then: list[int], expected: list[int]) -> None:
    slots = filled(6)
    slots.keep(length, then)
    assert held(slots) == expected


def test_slots_are_cut_copied_and_grow() -> None:
    slots = filled(300)
    copy = filled(7)
    copy.become(slots, 4)
    slots.cut(3)
    slots.cut(7)
    assert held(slots) == [0, 1, 2]
    assert held(copy) == [0, 1, 2, 3]
    copy.become(copy, 2)
    assert held(copy) == [0, 1]
    slots.reserve(5000)
    assert held(slots) == [0, 1, 2]
    assert slots.bytes == 2 * 2 * 4 * 4 * slots.keys.shape[2]
    assert slots.keys.shape[2] >= 5003


@needs_int8
@pytest.mark.parametrize("tied", [False, True])
def test_int8_is_near_fp32(tmp_path, tied: bool) -> None:
    text, network = tokens(100), tiny_int8(tmp_path / "m.safetensors", tied)
    read = network.logits(network.read(Rows(text), network.slots(1))).log_softmax(-1)
    exact = theirs(text, tied).log_softmax(-1)
    kl = (exact.exp() * (exact - read)).sum(-1)
    assert kl.mean() < 0.2 * JOINED
    assert (read.argmax(-1) != exact.argmax(-1)).float().mean() < 0.25 * JOINED


@needs_int8
@pytest.mark.parametrize("scale", [1.0, 1e4, 0.0])
def test_each_row_of_an_int8_product_has_its_own_scale(scale: float) -> None:
    """The first tokens' activations are huge; they must not make those of others coarser."""
    torch.manual_seed(0)
    weight, bias, rows = torch.randn(48, 64), torch.randn(48), torch.randn(5, 64)
    rows[0] *= scale
    exact = DenseLinear(weight, bias)(rows)
    near = Int8Linear(*quantized(weight), bias)(rows)
    assert ((near - exact).norm(dim=1) <= 0.01 * (1 + JOINED) * exact.norm(dim=1)).all()
