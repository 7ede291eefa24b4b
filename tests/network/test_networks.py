"""The fused network and the single expert equal the library's own class."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dgls.inference import open_model
from dgls.network.fused import FusedNetwork, can_fuse
from dgls.network.library import LibraryNetwork, MixedNetwork
from dgls.network.single_expert import SINGLE_EXPERT
from tests.support.checkpoints import VOCABULARY, WINDOW, published_model, tiny_model

torch.set_num_threads(1)


def tokens(seed: int, rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(8, VOCABULARY, (rows, length), generator=generator)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=2e-4, rtol=1e-4)


@pytest.fixture(scope="module", params=[1, 3], ids=["one layer", "three layers"])
def pair(request):
    model = tiny_model(request.param, layers=request.param)
    return LibraryNetwork(model), FusedNetwork(model)


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 7), (3, 40)])
def test_a_prompt_is_encoded_like_the_librarys(pair, rows, length):
    (states, past), (fused_states, fused) = (
        network.extend(tokens(0, rows, length), None) for network in pair
    )
    assert close(states, fused_states)
    assert past.length == fused.length == length
    for one, other in zip((*past.keys, *past.values), (*fused.keys, *fused.values), strict=True):
        assert close(one, other)


@pytest.mark.parametrize("new", [1, 2, 9])
def test_a_prompt_is_extended_like_the_librarys_and_not_modified(pair, new):
    results = []
    for network in pair:
        _, past = network.extend(tokens(0, 1, 30), None)
        before = [tensor.clone() for tensor in (*past.keys, *past.values)]
        states, extended = network.extend(tokens(1, 2, new), past.for_batch(2))
        results.append(network.unembed(states))
        assert extended.length == 30 + new
        assert all(map(torch.equal, before, (*past.keys, *past.values)))
    assert close(*results)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("conditioned", [False, True])
def test_a_canvas_is_read_like_the_librarys(pair, rows, conditioned):
    results = []
    for network in pair:
        _, past = network.extend(tokens(0, 1, 30), None)
        conditioning = torch.randn(rows, 12, VOCABULARY, generator=torch.Generator().manual_seed(3))
        results.append(
            network.canvas(
                tokens(2, rows, 12), past.for_batch(rows), 5 * conditioning if conditioned else None
            )
        )
    assert close(*results)
    assert results[0].dtype == torch.float32


def test_positions_after_the_first_table_are_right():
    model = tiny_model(layers=2, window=1024)
    networks = (LibraryNetwork(model), FusedNetwork(model))
    states = [network.extend(tokens(4, 1, 700), None)[0][:, -1] for network in networks]
    assert close(*states)


def test_the_fused_network_runs_in_bf16_as_closely_as_the_library():
    exact = LibraryNetwork(tiny_model()).extend(tokens(0, 1, 20), None)[0]
    model = tiny_model().to(torch.bfloat16)
    errors = [
        (network.extend(tokens(0, 1, 20), None)[0].float() - exact).abs().mean()
        for network in (LibraryNetwork(model), FusedNetwork(model))
    ]
    assert errors[1] < 1.5 * errors[0]


def test_a_mixed_network_scores_exactly_and_reads_canvases_coarsely():
    model = tiny_model()
    exact = FusedNetwork(model)
    mixed = MixedNetwork(exact, FusedNetwork(model, torch.bfloat16))
    states, past = mixed.extend(tokens(0, 1, 20), None)
    expected, exact_past = exact.extend(tokens(0, 1, 20), None)
    assert torch.equal(mixed.unembed(states), exact.unembed(expected))
    quick, slow = (
        network.canvas(tokens(1, 2, 12), history.for_batch(2), None)
        for network, history in ((mixed, past), (exact, exact_past))
    )
    assert 0 < (quick - slow).abs().mean() < 0.1
    assert quick.dtype == torch.float32


@pytest.mark.parametrize(("hardware", "kind"), [(True, MixedNetwork), (False, FusedNetwork)])
def test_the_quickest_network_for_model_and_machine_is_chosen(monkeypatch, hardware, kind):
    monkeypatch.setattr(open_model, "multiplies_bf16", lambda device: hardware)
    assert isinstance(open_model.network_of(tiny_model(), WINDOW), kind)
    assert isinstance(open_model.network_of(published_model(), WINDOW), LibraryNetwork)
    half = tiny_model().to(torch.bfloat16)
    assert isinstance(open_model.network_of(half, WINDOW), FusedNetwork)


def test_only_supported_models_are_fused():
    model = tiny_model()
    assert can_fuse(model, WINDOW)
    assert not can_fuse(model, WINDOW + 1)
    assert not can_fuse(published_model(), 8)


def test_the_single_expert_equals_the_eager_loop_in_both_precisions():
    for dtype in (torch.float32, torch.bfloat16):
        model = tiny_model().to(dtype)
        assert model.config.text_config._experts_implementation == SINGLE_EXPERT
        arguments = {"input_ids": tokens(0, 2, 9), "decoder_input_ids": tokens(1, 2, 5)}
        with torch.no_grad():
            quick = model(**arguments).logits
            model.set_experts_implementation("eager")
            assert torch.equal(model(**arguments).logits, quick)


def test_a_past_is_cut_as_views_unless_a_layer_has_forgotten_tokens():
    network = LibraryNetwork(published_model(sliding_window=8), spare=0)
    _, short = network.extend(tokens(0, 1, 7), None)
    _, long = network.extend(tokens(0, 1, 8), None)
    cut = short.cut(5)
    assert cut is not None
    assert cut.length == 5
    assert cut.keys[0].data_ptr() == short.keys[0].data_ptr()
    assert long.cut(7) is None
    assert long.cut(8) is long
    assert dataclasses.replace(long, length=8) == long
