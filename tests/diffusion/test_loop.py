"""The denoise loop: equal to the library's on a free canvas, and right at pinned positions."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor
from transformers.models.diffusion_gemma.generation_diffusion_gemma import (
    DiffusionGemmaGenerationConfig,
    EntropyBoundSamplerConfig,
)

from dgls.diffusion.loop import DenoiseSettings, denoise
from dgls.diffusion.noise import uniform_tokens
from dgls.diffusion.reading import Denoiser
from dgls.diffusion.sampler import Order
from dgls.diffusion.schedule import CONSTANT, LinearTemperature
from dgls.diffusion.stopping import StopRule
from dgls.errors import Stopped
from tests.support.checkpoints import VOCABULARY, tiny_model

torch.set_num_threads(1)


def library_denoiser(model, prompt: Tensor) -> Denoiser:
    """The library's model class as a denoiser, with the prompt in its cache."""
    with torch.inference_mode():
        cache = model.model.encoder(input_ids=prompt).past_key_values

    def logits(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        return model(
            decoder_input_ids=tokens,
            past_key_values=cache,
            self_conditioning_logits=conditioning,
        ).logits

    return logits


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("bound", "entropy", "rows"),
    [(0.1, 0.005, 1), (40.0, 1.5, 1), (40.0, 1.5, 3), (4.0, 3.0, 2)],
)
def test_a_free_canvas_gets_the_tokens_of_generate(seed, bound, entropy, rows):
    model = tiny_model(seed, scale=60.0)
    width, steps = model.config.canvas_length, 12
    prompt = torch.randint(8, VOCABULARY, (rows, 20), generator=torch.Generator().manual_seed(seed))
    config = DiffusionGemmaGenerationConfig(
        max_new_tokens=width,
        max_denoising_steps=steps,
        sampler_config=EntropyBoundSamplerConfig(entropy_bound=bound),
        t_min=0.4,
        t_max=0.8,
        stability_threshold=1,
        confidence_threshold=entropy,
        eos_token_id=None,
        pad_token_id=None,
    )
    torch.manual_seed(seed)
    expected = model.generate(prompt, generation_config=config)

    generator = torch.Generator().manual_seed(seed)
    start = uniform_tokens(torch.empty(rows, width), VOCABULARY, generator)
    result = denoise(
        library_denoiser(model, prompt),
        start,
        torch.ones_like(start, dtype=torch.bool),
        DenoiseSettings(
            max_steps=steps, entropy_bound=bound, stop=StopRule(stable_steps=1, entropy=entropy)
        ),
        generator,
    )
    assert torch.equal(result.tokens, expected.sequences[:, -width:])
    passes = width / expected.tokens_per_forward
    assert result.steps == round(passes.max().item())


def counting_denoiser(vocabulary: int = 12, sure: float = 9.0) -> tuple[Denoiser, list[Tensor]]:
    """Prefers token `position % vocabulary` everywhere, and records its inputs."""
    asked: list[Tensor] = []

    def logits(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        asked.append(tokens.clone())
        wanted = torch.arange(tokens.shape[1]) % vocabulary
        return sure * torch.nn.functional.one_hot(wanted, vocabulary).float().expand(
            tokens.shape[0], -1, -1
        )

    return logits, asked


def run(denoiser, tokens, open_, generator=None, **settings):
    return denoise(
        denoiser,
        tokens,
        open_,
        DenoiseSettings(temperature=CONSTANT, **settings),
        generator or torch.Generator().manual_seed(0),
    )


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("greedy", [True, False])
def test_pinned_positions_never_change(order, greedy):
    denoiser, asked = counting_denoiser()
    tokens = torch.full((2, 10), 11)
    open_ = torch.zeros(2, 10, dtype=torch.bool)
    open_[:, 2:6] = True
    result = run(denoiser, tokens, open_, order=order, greedy=greedy, max_steps=4)
    pinned = ~open_
    for seen in [*asked, result.tokens]:
        assert torch.equal(seen[pinned], tokens[pinned])
    assert result.tokens[0, 2:6].tolist() == [2, 3, 4, 5]
    assert not result.accepted[pinned].any()


def test_only_open_positions_decide_the_stop():
    """A wide canvas of certain pinned positions must not hide an uncertain gap."""

    def logits(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        sure = 50.0 * torch.nn.functional.one_hot(tokens, 12).float()
        sure[:, 3] = 0.0
        sure[:, 3, 5] = 1.0
        return sure

    tokens = torch.full((1, 400), 7)
    open_ = torch.zeros(1, 400, dtype=torch.bool)
    open_[0, 3] = True
    result = run(logits, tokens, open_, greedy=True, max_steps=6)
    assert result.steps == 6


def test_the_loop_stops_when_stable_and_sure():
    denoiser, _ = counting_denoiser(sure=50.0)
    tokens = torch.full((1, 6), 11)
    result = run(denoiser, tokens, torch.ones(1, 6, dtype=torch.bool), greedy=True)
    assert (result.steps, result.complete) == (2, True)


def test_a_confirmed_draft_takes_one_step():
    denoiser, _ = counting_denoiser(sure=50.0)
    draft = torch.arange(6)[None]
    assert run(denoiser, draft, torch.ones(1, 6, dtype=torch.bool), greedy=True).steps == 1


def test_left_order_fills_each_gap_from_the_left():
    denoiser, _ = counting_denoiser(sure=0.0)
    tokens = torch.zeros(1, 9, dtype=torch.int64)
    open_ = torch.tensor([[True, True, True, False, True, True, False, False, True]])
    accepted: list[Tensor] = []
    denoise(
        denoiser,
        tokens,
        open_,
        DenoiseSettings(
            order=Order.LEFT, entropy_bound=0.0, greedy=True, max_steps=3, temperature=CONSTANT
        ),
        torch.Generator().manual_seed(0),
        on_step=lambda step, best, taken: accepted.append(taken[0]),
    )
    rows = ["".join("x" if taken else "." for taken in row) for row in accepted]
    assert rows == ["x...x...x", "xx..xx..x", "xxx.xx..x"]


def test_the_loop_ends_once_every_position_was_accepted():
    denoiser, _ = counting_denoiser(sure=1.0)
    tokens = torch.zeros(1, 4, dtype=torch.int64)
    open_ = torch.ones(1, 4, dtype=torch.bool)
    settings = {"order": Order.LEFT, "entropy_bound": 100.0, "greedy": True}
    assert run(denoiser, tokens, open_, **settings).steps == 48
    assert run(denoiser, tokens, open_, stop=StopRule(once_accepted=True), **settings).steps == 2


def test_a_deadline_keeps_the_best_draft():
    fast, _ = counting_denoiser(sure=0.1)

    def slow(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        time.sleep(0.02)
        return fast(tokens, conditioning)

    tokens = torch.zeros(1, 4, dtype=torch.int64)
    open_ = torch.ones(1, 4, dtype=torch.bool)
    began = time.monotonic()
    result = denoise(
        slow,
        tokens,
        open_,
        DenoiseSettings(),
        torch.Generator().manual_seed(0),
        deadline=began + 0.07,
    )
    assert not result.complete
    assert 1 <= result.steps <= 3
    assert result.tokens.tolist() == [[0, 1, 2, 3]]


def test_a_deadline_in_the_past_still_takes_one_step():
    denoiser, _ = counting_denoiser()
    tokens = torch.full((1, 4), 9)
    result = denoise(
        denoiser,
        tokens,
        torch.ones(1, 4, dtype=torch.bool),
        DenoiseSettings(),
        torch.Generator().manual_seed(0),
        deadline=time.monotonic() - 1,
    )
    assert (result.steps, result.complete) == (1, False)
    assert result.tokens.tolist() == [[0, 1, 2, 3]]


def test_the_stop_token_is_checked_before_every_step():
    denoiser, asked = counting_denoiser(sure=0.1)
    answers = iter([False, False, True])
    with pytest.raises(Stopped):
        denoise(
            denoiser,
            torch.zeros(1, 4, dtype=torch.int64),
            torch.ones(1, 4, dtype=torch.bool),
            DenoiseSettings(),
            torch.Generator().manual_seed(0),
            should_stop=lambda: next(answers),
        )
    assert len(asked) == 2


def test_the_temperature_falls_with_the_steps_left():
    schedule = LinearTemperature(0.8, 0.4)
    assert [round(schedule.at(left, 4), 3) for left in (4, 3, 2, 1)] == [0.8, 0.7, 0.6, 0.5]


def test_self_conditioning_hands_on_the_tempered_logits():
    got: list[Tensor | None] = []

    def logits(tokens: Tensor, conditioning: Tensor | None) -> Tensor:
        got.append(conditioning)
        return torch.ones(1, 3, 12).cumsum(-1)

    open_ = torch.ones(1, 3, dtype=torch.bool)
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    settings = DenoiseSettings(temperature=LinearTemperature(0.5, 0.5), max_steps=2)
    denoise(logits, tokens, open_, settings, torch.Generator().manual_seed(0))
    assert got[0] is None
    assert torch.equal(got[1], torch.ones(1, 3, 12).cumsum(-1) / 0.5)
