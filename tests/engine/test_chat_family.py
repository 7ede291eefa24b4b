"""The published family through the whole path: a tiny random checkpoint in the published format."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from dgls.canvas.types import OPEN_END, Lengths
from dgls.client import EngineClient
from dgls.config import changed
from dgls.diffusion.loop import DenoiseSettings
from dgls.fill.canvas import CanvasFiller
from dgls.fill.soundness import Soundness
from dgls.fill.stop import StopToken
from dgls.fill.strategy import CHAT, strategy_for
from dgls.inference.control import RunControl
from dgls.inference.model import Model
from dgls.inference.open_model import open_model
from dgls.protocol import Draft, FillRequest, Gap, Limits
from tests.support.checkpoints import save_published
from tests.support.engines import ROOT, engine_settings

torch.set_num_threads(1)

SHORT = dataclasses.replace(CHAT, denoise=DenoiseSettings(max_steps=3))
REQUEST = FillRequest(
    ("def total(items):\n    result = ", "\n    return result\n"), limits=Limits(candidates=16)
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return save_published(tmp_path_factory.mktemp("chat") / "published")


@pytest.fixture(scope="session")
def model(folder) -> Model:
    return open_model(str(folder), "cpu", threads=1)


def fill(model, request=REQUEST, strategy=SHORT, on_draft=None):
    return CanvasFiller(model, strategy).fill(request, StopToken(), on_draft)


def test_every_length_gives_a_candidate_within_the_line(model):
    reply = fill(model)
    assert 1 < len(reply.candidates) <= len(CHAT.lengths.line)
    for candidate in reply.candidates:
        assert "\n" not in candidate.texts[0]
        assert 0 <= candidate.confidence <= 1
    assert (reply.steps, reply.complete, reply.threshold) == (3, True, 0.5)


def test_pinned_positions_never_change(model):
    canvases = model.layout.canvases(REQUEST, CHAT.lengths)
    prefix = model.encode(canvases[0].prompt)
    results = model.denoise(prefix, canvases, [1.0], SHORT.denoise, 0, RunControl())
    for canvas, result in zip(canvases, results, strict=True):
        for token, before, pinned in zip(result.tokens, canvas.tokens, canvas.pinned, strict=True):
            assert token == before or not pinned


def test_fills_of_all_lengths_are_ranked_by_text_and_suffix(model):
    reply = fill(model)
    (canvas,) = model.layout.canvases(REQUEST, Lengths((1,)))
    prefix = model.encode(canvas.prompt)
    for candidate in reply.candidates:
        target = (*model.codec.encode(candidate.texts[0]), *canvas.follows)
        (judged,) = model.judge(prefix, [target])
        assert candidate.score == pytest.approx(sum(judged), abs=1e-3)
        assert candidate.tokens == len(target) - len(canvas.follows)
    is_sound = Soundness(REQUEST)
    filled = [candidate for candidate in reply.candidates if any(candidate.texts)]
    order = [(is_sound(candidate.texts), candidate.score) for candidate in filled]
    assert order == sorted(order, reverse=True)


def test_each_canvas_of_a_batch_fills_as_if_alone(model):
    greedy = DenoiseSettings(max_steps=1, greedy=True)
    request = dataclasses.replace(REQUEST, gaps=(Gap("items", strength=0.0),))
    canvases = model.layout.canvases(request, Lengths())[:1] * 2
    prefix = model.encode(canvases[0].prompt)
    alone = model.denoise(prefix, canvases[:1], [0.0], greedy, 0, RunControl())
    both = model.denoise(prefix, canvases, [0.0], greedy, 0, RunControl())
    assert [each.tokens for each in both] == [alone[0].tokens] * 2


def test_several_gaps_are_filled_and_judged(model):
    request = FillRequest(
        ("def f(", "):\n    return ", "\n"), (Gap(), Gap(max_lines=2)), limits=Limits(candidates=9)
    )
    for candidate in fill(model, request).candidates:
        assert len(candidate.texts) == 2
        assert candidate.texts[0].count("\n") == 0
        assert candidate.texts[1].count("\n") <= 1


def test_a_selection_is_rewritten(model):
    request = dataclasses.replace(REQUEST, gaps=(Gap("sum(items)", strength=0.5),))
    assert fill(model, request).candidates


def test_each_step_reports_the_first_canvas(model):
    drafts: list[Draft] = []
    reply = fill(model, on_draft=drafts.append)
    assert [draft.step for draft in drafts] == list(range(1, reply.steps + 1))


def test_typing_reuses_the_prompt_up_to_the_cursor(tmp_path):
    wide = open_model(str(save_published(tmp_path / "wide", sliding_window=4096)), "cpu", 1)
    first = fill(wide)
    typed = dataclasses.replace(REQUEST, parts=(REQUEST.parts[0] + "su", REQUEST.parts[1]))
    reply = fill(wide, typed)
    assert first.prompt_tokens - 80 < reply.cached_tokens < reply.prompt_tokens


def test_a_checkpoint_may_set_other_lengths():
    asked = strategy_for("chat", {"lengths": {"line": [0, 5]}, "max_steps": 8})
    assert asked.lengths == Lengths((OPEN_END, 5), CHAT.lengths.block)
    assert asked.denoise == DenoiseSettings(max_steps=8)


async def test_an_engine_process_fills_with_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    values = {"model.name": str(folder), "model.device": "cpu", "model.threads": 1}
    place = tmp_path / "e"
    place.mkdir(mode=0o700)
    settings = changed(engine_settings(place), {"engine.backend": "local", **values})
    async with EngineClient(settings) as client:
        try:
            reply = await client.fill(REQUEST)
        finally:
            await client.stop_engine()
    assert reply.candidates
    assert reply.model == "published"


EDIT = FillRequest(("", "\n"), (Gap("x = 1"),), instruction="add a comment")


def test_an_instruction_is_answered_one_canvas_after_another(model):
    """A random model closes no block: it writes to the limit, canvas after canvas."""
    reply = fill(model, EDIT)
    assert reply.best.texts[0].startswith("```python\n")
    assert reply.best.proposal == "edit"
    assert reply.steps >= 3
    assert reply.complete
    assert fill(model, EDIT).best.texts == reply.best.texts


def test_an_instruction_out_of_time_is_not_complete(model):
    late = dataclasses.replace(EDIT, limits=Limits(deadline_ms=0.001))
    assert not fill(model, late).complete
