"""The settings `denoise.*`: the effect of each, and the model families that it applies to."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.config import Settings, changed
from dgls.diffusion.loop import DenoiseSettings
from dgls.diffusion.schedule import LinearTemperature
from dgls.diffusion.stopping import StopRule
from dgls.engine.backends.choose import backend_of
from dgls.engine.backends.knobs import knobs_of
from dgls.fill.knobs import AS_TRAINED, Knobs
from dgls.fill.stop import StopToken
from dgls.fill.strategy import SMALL_MODEL, strategy_for
from dgls.inference.causal_model import CausalModel, Drafting
from dgls.inference.control import RunControl
from dgls.inference.drafts import BestDrafts
from dgls.inference.lookup import Lookup
from dgls.protocol import Draft, FillRequest, Gap
from tests.support.checkpoints import save_tiny
from tests.support.qwen2 import tiny_causal

REQUEST = FillRequest(("def total(items):\n    result = ", "\n    return result\n"))


def knobs(**said: float | str) -> Knobs:
    return knobs_of(changed(Settings(), {"denoise": said}).denoise)


def test_without_settings_the_familys_loop_is_unchanged() -> None:
    assert knobs() == AS_TRAINED
    for family in ("chat", "infill"):
        assert AS_TRAINED.applied(strategy_for(family, {})) == strategy_for(family, {})


@pytest.mark.parametrize(
    ("said", "chat"),
    [
        ({"steps": 3}, DenoiseSettings(max_steps=3)),
        ({"entropy_bound": 0}, DenoiseSettings(entropy_bound=0.0)),
        ({"temperature_start": 1}, DenoiseSettings(temperature=LinearTemperature(1.0, 0.4))),
        ({"temperature_end": 0.1}, DenoiseSettings(temperature=LinearTemperature(0.8, 0.1))),
        ({"stop_entropy": 0.5}, DenoiseSettings(stop=StopRule(1, 0.5))),
        ({"stop_steps": 0}, DenoiseSettings(stop=StopRule(0, 0.005))),
        ({"canvas": 32}, DenoiseSettings()),
    ],
)
def test_each_setting_changes_one_part_of_the_loop(
    said: dict[str, float], chat: DenoiseSettings
) -> None:
    assert knobs(**said).applied(strategy_for("chat", {})).denoise == chat


def test_a_users_setting_overrides_only_its_part_of_the_checkpoint() -> None:
    asked = strategy_for("infill", {"max_steps": 9, "stop": {"entropy": 0.5}})
    found = knobs(steps=2).applied(asked).denoise
    assert (found.max_steps, found.stop) == (2, StopRule(entropy=0.5))
    assert found.order == SMALL_MODEL.order


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny")


def drafts_of(tiny: Path, **said: float) -> list[Draft]:
    """The drafts of a fill by a local engine with these settings, step by step."""
    values = {"model": {"name": str(tiny), "device": "cpu", "threads": 1}, "denoise": said}
    backend = backend_of(changed(Settings(), values))
    backend.load(lambda share, what: None)
    told: list[Draft] = []
    backend.fill(REQUEST, StopToken(), told.append)
    return [draft for draft in told if draft.tokens]


def test_the_embedded_model_keeps_to_the_step_limit(tiny: Path) -> None:
    never_done = {"entropy_bound": 0, "stop_entropy": 0, "stop_steps": 64}
    for steps in (1, 2, 7):
        # The pass that revises the causal draft is counted too.
        assert max(draft.step for draft in drafts_of(tiny, steps=steps, **never_done)) == steps + 1


def test_the_embedded_model_keeps_to_the_canvas_width(tiny: Path) -> None:
    wide, narrow = (max(len(d.tokens) for d in drafts_of(tiny, canvas=n)) for n in (64, 16))
    assert narrow < wide
    assert narrow <= 16


@pytest.mark.parametrize("rows", [2, 5, 16])
def test_a_laptop_model_pass_keeps_to_the_position_limit(rows: int) -> None:
    lookup = Lookup([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 1, 2, 3])
    drafter = BestDrafts(lookup, None, lambda written, token: False, rows=rows)
    drafts = drafter.plan([1, 2, 3]).drafts
    assert 0 < len(drafts) <= rows - 1


def test_the_position_limit_does_not_change_the_laptop_models_text() -> None:
    model = tiny_causal()
    texts = {said(model, rows) for rows in (1, 2, 8, 32)}
    assert len(texts) == 1


def said(model: CausalModel, rows: int) -> tuple[int, ...]:
    model.drafting = Drafting(rows=rows)
    prompt = model.layout.prompt(FillRequest(REQUEST.parts, (Gap(max_lines=3),)))
    return model.greedy(prompt, model.ends(3, 24), RunControl())[0].tokens
