"""The whole pipeline at toy size: it learns, it resumes exactly, and its checkpoint loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgls.checkpoint.loading import load_checkpoint
from dgls.errors import TrainingError
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.training.fetch import local_package
from dgls.lab.training.pipeline import Reporter, Workplace, make_checkpoint
from dgls.lab.training.recipes import Recipe, recipe_named
from dgls.lab.training.run_folder import RunFolder
from tests.support.overfit import FIXTURES

QUIET = Reporter(lambda sentence: None, lambda line, share: None)


def run(recipe: Recipe, folder: Path, source: Path = FIXTURES) -> Path:
    place = Workplace(folder, folder / "out", (local_package(source),), torch.device("cpu"))
    return make_checkpoint(recipe, place, Contamination.of([]), QUIET)


def short(steps: int) -> Recipe:
    return replace(recipe_named("toy"), steps=steps, minutes=60)


def test_a_memorisable_corpus_is_learned_into_a_complete_checkpoint(tmp_path: Path) -> None:
    output = run(short(120), tmp_path)
    history = RunFolder(tmp_path / "run").history()
    assert history[0].causal > 5
    assert history[-1].causal < 1.5
    assert history[-1].canvas < 2.0
    assert (output / "loss.svg").read_text().count("<polyline") == 4
    assert "your own" in (output / "README.md").read_text()
    assert load_checkpoint(output).metadata.window == short(1).shape.window


def test_an_interrupted_run_resumes_exactly(tmp_path: Path) -> None:
    # The rates fall over the whole run, so both must know its length: only the first is cut off.
    whole = run(short(6), tmp_path / "whole")
    folder = tmp_path / "parts"
    cut = Reporter(QUIET.say, QUIET.step)
    place = Workplace(folder, folder / "out", (local_package(FIXTURES),), torch.device("cpu"))
    interrupted = replace(short(6), minutes=60)
    _stop_after(3, interrupted, place, cut)
    assert json.loads((folder / "run/state/progress.json").read_text())["step"] == 3
    resumed = make_checkpoint(interrupted, place, Contamination.of([]), QUIET)
    first, second = (path / "model.safetensors" for path in (whole, resumed))
    assert first.read_bytes() == second.read_bytes()


def test_a_state_of_another_shape_is_refused_and_kept(tmp_path: Path) -> None:
    run(short(2), tmp_path)
    other = short(2)
    other = replace(other, shape=replace(other.shape, hidden=32))
    before = (tmp_path / "run/state/weights.safetensors").read_bytes()
    with pytest.raises(TrainingError, match="left untouched"):
        run(other, tmp_path)
    assert (tmp_path / "run/state/weights.safetensors").read_bytes() == before


def test_a_folder_without_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="nothing was built"):
        run(short(2), tmp_path, tmp_path / "empty")


class _Interrupt(Exception):
    pass


def _stop_after(steps: int, recipe: Recipe, place: Workplace, reporter: Reporter) -> None:
    """Save every step and stop the run after `steps` of them, like a kill."""
    saved = RunFolder.save
    calls = 0

    def save(*arguments: object) -> None:
        nonlocal calls
        saved(*arguments)  # type: ignore[arg-type]
        calls += 1
        if calls == steps:
            raise _Interrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "save", save)
        patch.setattr("dgls.lab.training.loop._SAVE_SECONDS", 0.0)
        with pytest.raises(_Interrupt):
            make_checkpoint(recipe, place, Contamination.of([]), reporter)
