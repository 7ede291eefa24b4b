"""The model as systems: the same weights in different ways."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from dgls.checkpoint.metadata import read_metadata, write_metadata
from dgls.errors import InputError
from dgls.inference.model import Model
from dgls.inference.open_model import open_model
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.model_systems import (
    MODEL_SYSTEMS,
    ModelSystem,
    checkpoint_identity,
    request_of,
    strategy_of,
)
from dgls.lab.evaluation.systems import REFUSED
from dgls.protocol import Gap
from dgls.syntax.cursor import Budget
from tests.lab.evaluation.samples import SHAPES, make_case
from tests.support.checkpoints import save_tiny

torch.set_num_threads(1)

BEFORE, AFTER = SHAPES.split("return width * height")
CASE = make_case(BEFORE, "return width * height", AFTER)
TWO = Case(
    id="two",
    group="two",
    path="a.py",
    parts=("def f(", "):\n    return ", "\n"),
    gaps=(Gap(), Gap()),
    truth=("items", "items[0] + 1"),
    kind=Kind.SEVERAL,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("evaluation") / "tiny")


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return open_model(str(folder), "cpu", threads=1)


def system(model: Model, name: str) -> ModelSystem:
    return ModelSystem(name, model, strategy_of(name, model), "tiny", Budget())


@pytest.mark.parametrize("name", MODEL_SYSTEMS)
@pytest.mark.parametrize("case", [CASE, TWO], ids=["one gap", "two gaps"])
def test_every_system_fills_every_case_deterministically(
    model: Model, name: str, case: Case
) -> None:
    filler = system(model, name)
    first, second = (filler.fill(case) for _ in range(2))
    assert (first.texts, first.proposal) == (second.texts, second.proposal)
    # Only the last digits of a floating-point sum depend on the cache.
    assert first.score == pytest.approx(second.score, rel=1e-4)
    assert len(first.texts) == len(case.gaps)
    assert first.ms > 0 > first.score
    assert 0 <= first.confidence <= 1
    assert (first.steps == 0) == (name in {"causal", "greedy"})


@pytest.mark.parametrize("name", MODEL_SYSTEMS)
def test_no_system_looks_at_the_truth(model: Model, name: str) -> None:
    other = dataclasses.replace(CASE, truth=("raise SystemExit",))
    texts = [system(model, name).fill(each).texts for each in (CASE, other)]
    assert texts[0] == texts[1]


def test_the_request_is_the_one_an_editor_would_send() -> None:
    request = request_of(CASE, Budget(), seed=3)
    assert request.parts[0].endswith("def area(width, height):\n    ")
    assert request.parts[1].startswith("\n\n\ndef circle")
    assert (request.gaps, request.path, request.seed) == (CASE.gaps, "a.py", 3)
    assert "width * height" not in "".join(request.parts)


def test_the_systems_differ_only_in_their_proposals(model: Model) -> None:
    causal, noise = strategy_of("causal", model), strategy_of("noise", model)
    assert (causal.causal, causal.passes, causal.noise) == (True, 0, 0)
    assert (noise.causal, noise.passes, noise.noise) == (False, 0, 1)
    assert causal.denoise == noise.denoise == strategy_of("dgls", model).denoise
    assert system(model, "causal").fill(CASE).proposal == "draft"
    assert system(model, "noise").fill(CASE).proposal == "noise"
    with pytest.raises(InputError, match="other"):
        strategy_of("other", model)


def test_gaps_too_long_for_the_model_stay_empty_and_the_run_continues(model: Model) -> None:
    wide = dataclasses.replace(TWO, parts=("def f(", "):\n    return " + "1 + " * 300, "\n"))
    answer = system(model, "dgls").fill(wide)
    assert (answer.texts, answer.proposal, answer.confidence) == (("", ""), REFUSED, 0.0)


def test_other_weights_or_another_calibration_make_another_run(
    folder: Path, tmp_path: Path
) -> None:
    first = save_tiny(tmp_path / "first", seed=0)
    second = save_tiny(tmp_path / "second", seed=1)
    assert checkpoint_identity(first) != checkpoint_identity(second)
    before = checkpoint_identity(first)
    metadata = read_metadata(first)
    assert metadata is not None
    write_metadata(dataclasses.replace(metadata, threshold=0.4), first)
    assert checkpoint_identity(first) != before
