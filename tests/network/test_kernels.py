"""Each Triton kernel equals plain torch: in the interpreter here, compiled on a GPU."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dgls.network.fast.body import Body, turns_of
from dgls.network.fast.operations import Lengths, Reach, Shape
from dgls.network.fast.plain import PlainOperations
from dgls.network.nf4 import quantize_nf4
from dgls.network.quantization import Rows8, quantize_rows
from tests.support.checkpoints import published_model

pytest.importorskip("triton", reason="Triton is not installed: its kernels cannot be run here")
from dgls.network.fast.triton_operations import TritonOperations

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
PLAIN, TRITON = PlainOperations(), TritonOperations()
EPS = 1e-6
SHAPES = [Shape(1, 1), Shape(1, 12), Shape(3, 5)]


@pytest.fixture(scope="module")
def body() -> Body:
    return Body.of(published_model(experts=8).to(DEVICE))


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def lengths(*numbers: int) -> Lengths:
    return Lengths(torch.tensor(numbers, dtype=torch.int32, device=DEVICE))


def same(one, other, error: float = 2e-5) -> bool:
    pairs = zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]
    return all(torch.allclose(a.float(), b.float(), atol=error, rtol=error) for a, b in pairs)


def test_norms(body):
    states, weight = 3 * random(5, 32), random(32, seed=1)
    assert same(TRITON.norm(states, weight, EPS), PLAIN.norm(states, weight, EPS))


def test_embeddings_with_their_signal(body):
    tokens = torch.randint(0, len(body.table), (7,), generator=torch.Generator().manual_seed(0))
    arguments = (tokens.to(DEVICE), body.table, body.scale, random(7, 32), body.norm, EPS)
    assert same(TRITON.embed(*arguments), PLAIN.embed(*arguments))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("index", [0, 2], ids=["sliding", "full, keys are values"])
def test_heads_are_normed_and_rotated(body, shape, index):
    layer = body.layers[index]
    turns = turns_of(published_model().to(DEVICE), 64)[layer.kind]
    parts = random(shape.rows * shape.canvas, layer.attention.qkv.shape[0])
    arguments = (parts, layer.attention, turns, lengths(40, 5, 40, 7), shape, EPS)
    assert same(TRITON.heads(*arguments), PLAIN.heads(*arguments))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kept", [0, 1, 31, 257, 300])
@pytest.mark.parametrize("dim", [16, 512])
def test_attention_over_prefix_and_canvas(shape, kept, dim):
    canvas = min(4, shape.canvas)
    prefix = Reach(random(2, 300, dim, seed=1), random(2, 300, dim, seed=2), Lengths.FULL)
    own = [random(shape.rows, 2, shape.canvas, dim, seed=seed) for seed in (3, 4)]
    queries = 0.3 * random(shape.rows * shape.canvas, 4, dim)
    arguments = (queries, *own, prefix, lengths(kept, canvas, kept, 0), shape)
    assert same(TRITON.attend(*arguments), PLAIN.attend(*arguments), 1e-4)


def test_the_sum_after_attention_for_its_three_readers(body):
    arguments = (random(5, 32), random(5, 32, seed=1), body.layers[0], EPS)
    assert same(TRITON.after_attention(*arguments), PLAIN.after_attention(*arguments))


def test_gates():
    both = 4 * random(5, 96)
    assert same(TRITON.gated(both), PLAIN.gated(both))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("experts", [8, 128])
def test_routes_and_tokens_after_the_canvas(shape, experts):
    scores, scale = random(shape.rows * shape.canvas, experts), random(experts, seed=1)
    arguments = (scores, scale, 2, lengths(9, min(4, shape.canvas), 9, 9), shape)
    chosen, shares = TRITON.route(*arguments)
    expected, expected_shares = PLAIN.route(*arguments)
    assert torch.equal(chosen, expected)
    assert same(shares, expected_shares)
    assert bool((chosen == -1).any()) == (shape.canvas > 4)


@pytest.mark.parametrize("tokens", [1, 5, 40, 150])
def test_experts(body, tokens):
    """150 tokens are more than one block for an expert, so that weights are read again."""
    layer, states = body.layers[0], random(tokens, 32)
    chosen = random(tokens, 8).topk(2).indices.int()
    chosen[tokens // 2] = -1
    real = chosen >= 0
    slots = TRITON.experts(states, chosen, layer)
    assert same(slots[real], PLAIN.experts(states, chosen, layer)[real])


@pytest.mark.parametrize(("tokens", "width"), [(1, 320), (5, 256), (40, 320), (150, 256)])
def test_experts_in_4_bits(tokens, width):
    """Rows of 4 blocks, which are read together for few tokens, and of 5, which are not."""
    layer = Body.of(published_model(experts=8).to(DEVICE)).layers[0]
    up, down = random(8, 128, width), random(8, width, 64, seed=1)
    layer = dataclasses.replace(layer, expert_up=quantize_nf4(up), expert_down=quantize_nf4(down))
    states, chosen = random(tokens, width, seed=2), random(tokens, 8).topk(2).indices.int()
    slots = TRITON.experts(states, chosen, layer)
    assert slots.shape == (tokens, 2, width)
    expected = PLAIN.experts(states, chosen, layer)
    # The reference multiplies level and scale before the sum, the kernel after it.
    assert ((slots - expected).norm() / expected.norm()).item() < 1e-5


def test_experts_in_8_bits(body):
    held = [Rows8(*quantize_rows(random(8, *shape, seed=9))) for shape in ((32, 32), (32, 16))]
    layer = dataclasses.replace(body.layers[0], expert_up=held[0], expert_down=held[1])
    states, chosen = random(20, 32), random(20, 8).topk(2).indices.int()
    assert same(TRITON.experts(states, chosen, layer), PLAIN.experts(states, chosen, layer), 1e-3)


def test_a_matrix_in_8_bits():
    steps, scale = quantize_rows(random(48, 64))
    matrix, states = Rows8(steps, scale), random(21, 64, seed=1)
    assert same(TRITON.linear(states, matrix), PLAIN.linear(states, matrix), 1e-3)


def test_the_end_of_a_layer_ignores_what_no_expert_wrote(body):
    slots, shares = random(5, 2, 32), random(5, 2, seed=1).abs()
    slots[3], shares[3] = torch.nan, 0.0
    layer = body.layers[0]
    arguments = (random(5, 32), random(5, 32, seed=2), slots, shares, layer)
    arguments = (*arguments, layer.decoder_scale, body.norm, EPS)
    assert same(TRITON.after_layer(*arguments), PLAIN.after_layer(*arguments))


@pytest.mark.parametrize("vocabulary", [400, 5000])
@pytest.mark.parametrize("drawing", [False, True])
@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_picks_from_logits(vocabulary, drawing, temperature):
    logits = 20 * random(6, vocabulary)
    race = random(6, vocabulary, seed=1).exp() if drawing else None
    heat = torch.tensor([temperature], device=DEVICE)
    expected = PLAIN.pick(logits.clone(), race, heat, 30.0)
    picked = TRITON.pick(logits, race, heat, 30.0)
    for field in dataclasses.fields(picked):
        assert same(getattr(picked, field.name), getattr(expected, field.name), 1e-4), field.name
