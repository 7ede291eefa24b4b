"""The fast network equals the library's class: states, logits and filled canvases."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import LogitsProcessor, LogitsProcessorList
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

from dgls.checkpoint.random_weights import random_model, small_config
from dgls.checkpoint.scheme import Scheme
from dgls.diffusion.loop import DenoiseSettings, denoise
from dgls.diffusion.noise import uniform_tokens
from dgls.diffusion.schedule import LinearTemperature
from dgls.diffusion.stopping import StopRule
from dgls.inference.open_model import warm_network
from dgls.network.fast.network import FastNetwork, can_run_fast
from dgls.network.fast.plain import PlainOperations
from dgls.network.fast.writing import CausalWriter
from dgls.network.library import LibraryNetwork
from tests.support.checkpoints import CHAT_VOCABULARY, published_model, randomized, tiny_model

torch.set_num_threads(1)


def tokens(seed: int, rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(8, CHAT_VOCABULARY, (rows, length), generator=generator)


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=2e-4, rtol=1e-4)


@pytest.fixture(scope="module", params=[8, 100], ids=["a short window", "a long window"])
def pair(request):
    model = published_model(sliding_window=request.param)
    return LibraryNetwork(model), FastNetwork(model)


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 7), (2, 40)])
def test_a_prompt_is_encoded_like_the_librarys(pair, rows, length):
    (states, past), (fast_states, fast) = (
        network.extend(tokens(0, rows, length), None) for network in pair
    )
    assert close(states, fast_states)
    assert past.windows == fast.windows
    assert past.length == fast.length == length
    for one, other in zip((*past.keys, *past.values), (*fast.keys, *fast.values), strict=True):
        assert close(one, other)


@pytest.mark.parametrize("new", [1, 2, 9, 30])
@pytest.mark.parametrize("cut", [30, 17])
def test_a_prompt_is_cut_and_extended_like_the_librarys(pair, new, cut):
    results = []
    for network in pair:
        past = network.extend(tokens(0, 1, 30), None)[1].cut(cut)
        states, extended = network.extend(tokens(1, 2, new), past.for_batch(2))
        assert extended.length == cut + new
        results.append(network.unembed(states))
    assert close(*results)


def test_a_long_prompt_is_encoded_in_chunks(pair, monkeypatch):
    monkeypatch.setattr("dgls.network.fast.network._CHUNK", 16)
    results = [network.extend(tokens(0, 1, 45), None)[0] for network in pair]
    assert close(*results)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("conditioned", [False, True])
def test_a_canvas_is_read_like_the_librarys(pair, rows, conditioned):
    results = []
    for network in pair:
        _, past = network.extend(tokens(0, 1, 30), None)
        given = 5 * torch.randn(
            rows, 12, CHAT_VOCABULARY, generator=torch.Generator().manual_seed(3)
        )
        conditioning = given if conditioned else None
        results.append(network.canvas(tokens(2, rows, 12), past.for_batch(rows), conditioning))
    assert close(*results)
    assert results[0].dtype == torch.float32


def test_rows_may_follow_different_prompts(pair):
    results = []
    for network in pair:
        _, past = network.extend(tokens(0, 2, 30), None)
        results.append(network.canvas(tokens(2, 2, 12), past, None))
    assert close(*results)


def test_a_prompt_longer_than_the_buffers_gets_larger_ones(monkeypatch):
    monkeypatch.setattr("dgls.network.fast.network._MIN_ROOM", 16)
    model = published_model()
    results = []
    for network in (LibraryNetwork(model), FastNetwork(model)):
        for length in (10, 70):
            _, past = network.extend(tokens(0, 1, length), None)
            results.append(network.canvas(tokens(2, 1, 12), past, None))
    assert close(results[0], results[2])
    assert close(results[1], results[3])


def test_the_model_stays_usable_and_its_weights_are_shared():
    model = published_model()
    before = LibraryNetwork(model).extend(tokens(0, 1, 9), None)[0]
    networks = [FastNetwork(model), FastNetwork(model)]
    assert torch.equal(LibraryNetwork(model).extend(tokens(0, 1, 9), None)[0], before)
    first, second = (network.body.layers[0].attention.qkv for network in networks)
    query = model.model.encoder.language_model.layers[0].self_attn.q_proj.weight
    assert first.data_ptr() == second.data_ptr() == query.data_ptr()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rows", "buckets"), [(1, ()), (2, ()), (1, (16, 24))])
def test_a_free_canvas_is_filled_like_the_librarys(seed, rows, buckets):
    """Sampled, renoised and self-conditioned: the same tokens for the same seed."""
    model = randomized(published_model(seed), 4.0)
    settings = DenoiseSettings(max_steps=6, entropy_bound=20.0, stop=StopRule(entropy=1.0))
    results = []
    library, fast = LibraryNetwork(model), FastNetwork(model, buckets=buckets)
    for network in (library, fast):
        _, past = network.extend(tokens(seed, 1, 20), None)
        past = past.for_batch(rows)
        generator = torch.Generator().manual_seed(seed)
        start = uniform_tokens(torch.empty(rows, 16), CHAT_VOCABULARY, generator)
        reader = (
            fast.reader(past)
            if network is fast
            else lambda canvas, conditioning, past=past: library.canvas(canvas, past, conditioning)
        )
        everywhere = torch.ones_like(start, dtype=torch.bool)
        results.append(denoise(reader, start, everywhere, settings, generator))
    assert torch.equal(results[0].tokens, results[1].tokens)
    assert results[0].steps == results[1].steps
    assert close(results[0].entropy, results[1].entropy)


class Pins(LogitsProcessor):
    """Makes pinned positions certain, as `generate()` can be told to do."""

    def __init__(self, canvas: torch.Tensor, pinned: torch.Tensor) -> None:
        self._certain = torch.full((*canvas.shape, CHAT_VOCABULARY), -torch.inf)
        self._certain.scatter_(-1, canvas[..., None], 0.0)
        self._pinned = pinned

    def __call__(self, input_ids, scores, cur_step=None):
        return torch.where(self._pinned[..., None], self._certain, scores)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("buckets", [(), (24,)], ids=["as it is", "in a bucket"])
def test_a_pinned_canvas_is_filled_like_the_librarys_with_pins(seed, buckets):
    """Almost no temperature and renoising, because draws at pinned positions would differ."""
    model, steps, width = randomized(published_model(seed), 4.0), 5, 16
    prompt, canvas = tokens(seed, 1, 20), tokens(seed + 9, 1, width)
    open_ = torch.zeros(1, width, dtype=torch.bool)
    open_[0, 3:11] = True
    config = DiffusionGemmaGenerationConfig(
        max_new_tokens=width,
        max_denoising_steps=steps,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=1e6),
        t_min=1e-4,
        t_max=2e-4,
        stability_threshold=99,
        confidence_threshold=0.005,
        eos_token_id=None,
        pad_token_id=None,
    )
    expected = model.generate(
        prompt,
        generation_config=config,
        decoder_input_ids=canvas,
        logits_processor=LogitsProcessorList([Pins(canvas, ~open_)]),
    )
    network = FastNetwork(model, buckets=buckets)
    _, past = network.extend(prompt, None)
    cold = LinearTemperature(2e-4, 1e-4)
    settings = DenoiseSettings(steps, 1e6, temperature=cold, stop=StopRule(stable_steps=99))
    result = denoise(network.reader(past), canvas, open_, settings, torch.Generator())
    assert torch.equal(result.tokens, expected.sequences[:, -width:])
    assert not torch.equal(result.tokens, canvas)


def test_a_canvas_without_open_positions_is_unchanged():
    network = FastNetwork(published_model())
    _, past = network.extend(tokens(0, 1, 9), None)
    canvas = tokens(1, 1, 8)
    open_ = torch.zeros(1, 8, dtype=torch.bool)
    settings = DenoiseSettings(max_steps=2)
    result = denoise(network.reader(past), canvas, open_, settings, torch.Generator())
    assert torch.equal(result.tokens, canvas)


def test_if_kernels_fail_plain_torch_replaces_them(monkeypatch, caplog):
    class Broken(PlainOperations):
        def pick(self, *arguments):
            raise RuntimeError("no C compiler was found")

    model = published_model()
    assert not isinstance(warm_network(model).operations, Broken)
    assert caplog.text == ""
    monkeypatch.setattr("dgls.network.fast.network._operations", lambda device: Broken())
    network = warm_network(model)
    assert not isinstance(network.operations, Broken)
    assert "no C compiler was found" in caplog.text
    _, past = network.extend(tokens(0, 1, 9), None)
    canvas = tokens(1, 1, 8)
    everywhere = torch.ones_like(canvas, dtype=torch.bool)
    assert network.reader(past).read(canvas, everywhere, None, 1.0, None).best.shape == (1, 8)


def test_a_model_too_large_for_memory_is_not_tried_again(monkeypatch):
    def full(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(FastNetwork, "warm_up", full)
    with pytest.raises(torch.OutOfMemoryError):
        warm_network(published_model())


def test_only_supported_models_run_fast():
    assert can_run_fast(published_model())
    assert can_run_fast(tiny_model())
    biased = published_model()
    biased.config.text_config.attention_bias = True
    assert not can_run_fast(biased)
    odd = published_model()
    odd.config.text_config.top_k_experts = 3
    assert not can_run_fast(odd)


@pytest.mark.parametrize("prompt", [3, 20])
def test_causal_text_equals_the_librarys(prompt):
    """Long enough for a sliding layer's buffer to wrap around."""
    model = published_model(sliding_window=8)
    network, library = FastNetwork(model), LibraryNetwork(model)
    _, past = network.extend(tokens(0, 1, prompt), None)
    writer = CausalWriter(network)
    found = [writer.write(past, 9, 14).tolist() for _ in range(2)]
    _, past = library.extend(tokens(0, 1, prompt), None)
    expected = [9]
    for _ in range(14):
        states, past = library.extend(torch.tensor([expected[-1:]]), past)
        expected.append(int(library.unembed(states)[0, -1].argmax()))
    assert found == [expected[1:]] * 2


@pytest.fixture
def triton():
    pytest.importorskip("triton", reason="Triton is not installed: its kernels cannot be run here")
    from dgls.network.fast.triton_operations import TritonOperations

    return TritonOperations()


DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def held_in(scheme: Scheme):
    """A random model with weights in this scheme; unquantised ones are in fp32."""
    return random_model(small_config(), scheme, torch.device(DEVICE), torch.float32)


@pytest.mark.parametrize("scheme", list(Scheme))
def test_triton_operations_fill_the_same_canvas(triton, scheme):
    """Also with a pinned position, in a bucket that is larger than the canvas."""
    model = held_in(scheme)
    plain, quick = FastNetwork(model, PlainOperations()), FastNetwork(model, triton, buckets=(4,))
    _, past = plain.extend(tokens(0, 1, 20).to(DEVICE), None)
    canvas = tokens(1, 1, 3).to(DEVICE)
    open_ = torch.tensor([[True, False, True]], device=DEVICE)
    settings = DenoiseSettings(max_steps=2, greedy=True, entropy_bound=1e6)
    filled, quickly = (
        denoise(network.reader(past), canvas, open_, settings, torch.Generator(DEVICE))
        for network in (plain, quick)
    )
    assert torch.equal(filled.tokens, quickly.tokens)
    assert close(filled.entropy, quickly.entropy)
    assert quickly.tokens[0, 1] == canvas[0, 1]


@pytest.mark.parametrize("scheme", list(Scheme))
def test_triton_operations_encode_and_write_the_same_tokens(triton, scheme):
    model = held_in(scheme)
    written = []
    for operations in (PlainOperations(), triton):
        network = FastNetwork(model, operations)
        _, past = network.extend(tokens(0, 1, 9).to(DEVICE), None)
        written.append(CausalWriter(network).write(past, 9, 3).tolist())
    assert written[0] == written[1]


class HostMayNotBeAsked(TorchDispatchMode):
    """Fails on operations whose results or sizes the host must wait for."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal", "item")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket.__name__ not in self.ASKING, func
        return func(*args, **(kwargs or {}))


def test_a_step_never_synchronises_with_the_host(triton):
    model = published_model().to(DEVICE)
    network = FastNetwork(model, triton, buckets=(4,))
    _, past = network.extend(tokens(0, 1, 9).to(DEVICE), None)
    canvas = tokens(1, 1, 3).to(DEVICE)
    open_ = torch.tensor([[True, False, True]], device=DEVICE)
    generator, reader = torch.Generator(DEVICE), network.reader(past)
    # The first read looks up the open positions, and on a GPU captures the step.
    reading = reader.read(canvas, open_, None, 1.0, generator)
    if DEVICE == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        with HostMayNotBeAsked():
            reader.read(canvas, open_, reading.conditioning, 0.5, generator)
    finally:
        if DEVICE == "cuda":
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(DEVICE == "cpu", reason="steps are captured on a GPU alone")
@pytest.mark.parametrize("rows", [1, 3])
def test_a_captured_step_equals_an_uncaptured_one(rows):
    network = FastNetwork(published_model().to(DEVICE))
    _, past = network.extend(tokens(0, 1, 20).to(DEVICE), None)
    past, canvas = past.for_batch(rows), tokens(1, rows, 12).to(DEVICE)
    everywhere = torch.ones_like(canvas, dtype=torch.bool)
    settings = DenoiseSettings(max_steps=4)
    results = []
    for network.captures in (True, False):
        generator = torch.Generator(DEVICE).manual_seed(0)
        results.append(denoise(network.reader(past), canvas, everywhere, settings, generator))
    assert torch.equal(results[0].tokens, results[1].tokens)
