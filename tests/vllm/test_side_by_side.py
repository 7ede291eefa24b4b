"""The same canvas read by vLLM and by the model of the local backend, in fp32."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from transformers import DynamicCache

from dgls.canvas.types import Canvas
from dgls.checkpoint.loading import load_checkpoint
from dgls.engine.backends.pseudo_likelihood import log_probs, reads, scored
from dgls.engine.backends.vllm_fill import MAX_LOG_PROBS
from dgls.engine.backends.vllm_wire import CanvasRead, CanvasReply
from dgls.inference.model import Model
from dgls.inference.open_model import open_model
from dgls.network.architecture import TextDiffusionGemma
from dgls.protocol import FillRequest, Gap
from tests.support.marks import read_marks
from tests.vllm.checkpoint import SLIDING, VOCABULARY
from tests.vllm.conftest import MakeBackend
from tests.vllm.reading import read, served_by, some_tokens

pytestmark = pytest.mark.vllm

WIDTH = 32
CLOSE = 1e-4
"""The allowed difference of log-probabilities in nats; sums are taken in another order."""

FILLS = [
    "def total(items):\n    return ⟦⟧\n",
    "def total(⟦⟧):\n    result = 0\n    return ⟦⟧\n",
    "class Basket:\n    def add(self, name):\n        ⟦self.names = name⟧\n        return self\n",
    "⟦⟧\n",
]


@pytest.fixture(scope="module")
def models(checkpoints: Mapping[str, Path]) -> Mapping[str, Model]:
    """The models of the local backend, by family."""
    return {family: open_model(str(folder), "cpu") for family, folder in checkpoints.items()}


def request_of(marked: str) -> FillRequest:
    """A gap for each mark."""
    text, spans = read_marks(marked)
    cuts = [0, *(end for span in spans for end in (span.start, span.end)), len(text)]
    parts = tuple(text[a:b] for a, b in zip(cuts[::2], cuts[1::2], strict=True))
    return FillRequest(parts, tuple(Gap(span.of(text)) for span in spans))


def local_log_probs(model: Model, prompt: Sequence[int], canvas: Sequence[int]) -> torch.Tensor:
    """Temperature-1 log-probabilities of one denoise step: [canvas, vocab]."""
    with torch.inference_mode(), model.network.taking_part():
        denoiser = model.denoiser(model.encode(prompt))
        return denoiser(torch.tensor([canvas]), None)[0].float().log_softmax(-1)


def library_log_probs(
    model: TextDiffusionGemma, prompt: Sequence[int], canvas: Sequence[int], own_windows: bool
) -> torch.Tensor:
    """The same from the library's class; its sliding layers keep as much as the canvas may see."""
    with torch.inference_mode():
        cache = DynamicCache(config=model.config.get_text_config())
        model.model.encoder(input_ids=torch.tensor([prompt]), past_key_values=cache)
        masks = _own_windows(len(prompt), len(canvas)) if own_windows else None
        output = model(
            decoder_input_ids=torch.tensor([canvas]),
            past_key_values=cache,
            decoder_attention_mask=masks,
        )
        return output.logits[0].float().log_softmax(-1)


def _own_windows(prompt: int, canvas: int) -> dict[str, torch.Tensor]:
    """Masks [1, 1, canvas, keys]: each position sees the tokens less than `SLIDING` before it."""
    at = torch.arange(prompt, prompt + canvas)
    kept = torch.arange(prompt - SLIDING + 1, prompt + canvas)
    seen = kept[None, :] > at[:, None] - SLIDING
    hidden = torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))
    everything = torch.zeros(canvas, prompt + canvas)
    return {"sliding_attention": hidden[None, None], "full_attention": everything[None, None]}


def assert_same(reply: CanvasReply, local: torch.Tensor) -> None:
    """The same argmax at every position, with the same probability."""
    assert reply.tokens == tuple(local.argmax(-1).tolist())
    assert torch.allclose(torch.tensor(reply.log_probs), local.max(-1).values, atol=CLOSE)


def noised(canvas: Canvas, seed: int) -> tuple[int, ...]:
    """The canvas with noise in its open positions."""
    noise = random.Random(seed)
    held = zip(canvas.tokens, canvas.pinned, strict=True)
    return tuple(token if pinned else noise.randrange(VOCABULARY) for token, pinned in held)


@pytest.mark.parametrize("marked", FILLS)
def test_one_step_over_a_fills_canvas_has_the_local_argmax(
    make_backend: MakeBackend, models: Mapping[str, Model], family: str, marked: str
) -> None:
    served = served_by(make_backend(family))
    canvas = served.shape.layout.canvases(request_of(marked), served.plan.lengths)[0]
    seed = noised(canvas, seed=1)
    reply = read(served, CanvasRead(canvas.prompt, seed, steps=1))
    assert_same(reply, local_log_probs(models[family], canvas.prompt, seed))


@pytest.mark.parametrize("length", [5, 150, SLIDING - WIDTH])
def test_the_argmax_is_the_same_for_prompts_within_the_sliding_window(
    make_backend: MakeBackend, models: Mapping[str, Model], length: int
) -> None:
    prompt, seed = some_tokens(1, length), some_tokens(2, WIDTH)
    reply = read(served_by(make_backend("infill")), CanvasRead(prompt, seed, steps=1))
    assert_same(reply, local_log_probs(models["infill"], prompt, seed))


def test_beyond_the_sliding_window_vllm_gives_each_position_its_own_window(
    make_backend: MakeBackend, checkpoints: Mapping[str, Path]
) -> None:
    """The library, and so the local backend, shows the end of the prompt to the whole canvas."""
    library = load_checkpoint(checkpoints["infill"]).model
    prompt, seed = some_tokens(1, SLIDING + 200), some_tokens(2, WIDTH)
    reply = read(served_by(make_backend("infill")), CanvasRead(prompt, seed, steps=1))
    own, shared = (library_log_probs(library, prompt, seed, each) for each in (True, False))
    assert_same(reply, own)
    assert reply.tokens != tuple(shared.argmax(-1).tolist())


def test_a_fill_has_the_score_of_the_local_model(
    make_backend: MakeBackend, models: Mapping[str, Model], family: str
) -> None:
    served = served_by(make_backend(family))
    layout, request = served.shape.layout, request_of("total = sum(⟦items⟧)\n")
    canvas = layout.canvases(request, served.plan.lengths)[0]
    fill = scored(canvas, [layout.target(["items"])])
    asked = reads(fill, VOCABULARY, MAX_LOG_PROBS, random.Random(3))
    theirs = log_probs(fill, MAX_LOG_PROBS, [read(served, each) for each in asked])
    mine = {}
    for part, each in zip(fill.parts(MAX_LOG_PROBS), asked, strict=True):
        local = local_log_probs(models[family], each.prompt, each.seed)
        mine |= {at: float(local[at, fill.tokens[at]]) for at in part}
    assert len(theirs) >= len(layout.target(["items"]))
    assert theirs == pytest.approx([mine[at] for at in fill.positions], abs=CLOSE)
