"""The confidence is fitted, the threshold keeps its promise, and a checkpoint is written safely."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest

from dgls.errors import CheckpointError
from dgls.evaluation import logistic
from dgls.evaluation.calibration import NEVER, fit, write
from dgls.evaluation.metrics import Scored, score
from dgls.evaluation.systems import Answer
from dgls.models.metadata import Calibration, Metadata, read_metadata, write_metadata
from tests.evaluation.samples import make_case


def test_the_fit_finds_the_map_that_drew_the_outcomes() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 2)) * [1.0, 30.0] + [1.0, 10.0]
    chance = logistic.probability(2.0, np.array([-1.5, 0.05]), features)
    right = (rng.random(20_000) < chance).astype(float)
    intercept, weights = logistic.fit(features, right)
    assert weights == pytest.approx([-1.5, 0.05], rel=0.06)
    assert intercept == pytest.approx(2.0, abs=0.1)


def test_separable_and_constant_features_still_have_a_fit() -> None:
    features = np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0]])
    intercept, weights = logistic.fit(features, np.array([0.0, 0.0, 1.0, 1.0]))
    chance = logistic.probability(intercept, weights, features)
    assert np.isfinite(chance).all()
    assert (chance > 0.5).tolist() == [False, False, True, True]


def answers(chance_of: dict[int, float], count: int = 600, seed: int = 0) -> list[Scored]:
    """Fills of 5 tokens whose summed log-probability decides how often they are right."""
    rng = random.Random(seed)
    found: list[Scored] = []
    for index in range(count):
        total, chance = rng.choice(list(chance_of.items()))
        case = make_case("x = ", "right", "\n", name=f"c{index}", group=f"g{index % 60}")
        text = "right" if rng.random() < chance else "wrong"
        found.append(score(case, Answer((text,), 0.99, float(total), 5)))
    return found


def test_the_threshold_keeps_six_in_ten_right_on_new_cases() -> None:
    # Right with the logistic chance of the summed log-probability plus 2.
    chances = {total: 1 / (1 + math.exp(-(total + 2))) for total in range(-8, 1)}
    fitted = fit(answers(chances), seed=0)
    assert fitted.calibration.total + fitted.calibration.mean / 5 == pytest.approx(1.0, abs=0.3)
    assert fitted.after.error < 0.06 < 0.3 < fitted.before.error
    fresh = answers(chances, count=3000, seed=1)
    shown = [
        each.exact
        for each in fresh
        if fitted.calibration.confidence(each.answer.score, each.answer.tokens) >= fitted.threshold
    ]
    assert sum(shown) / len(shown) >= 0.57
    # Totals from -3 up are six in ten right together, a third of all; fewer would be too shy.
    assert len(shown) / len(fresh) > 0.3


def test_a_model_that_is_never_sure_and_right_is_never_shown() -> None:
    fitted = fit(answers({-1: 0.05, -5: 0.04}), seed=0)
    assert (fitted.threshold, fitted.shown) == (NEVER, None)
    assert fitted.notes("tree", "today")["coverage"] is None


def test_nothing_can_be_fitted_where_all_are_wrong() -> None:
    with pytest.raises(CheckpointError, match="All 50 fills were wrong"):
        fit(answers({-1: 0.0}, count=50), seed=0)


def test_cases_of_one_file_alone_can_be_fitted() -> None:
    scored = answers({-1: 0.9, -6: 0.1}, count=100)
    alone = [
        dataclasses.replace(each, case=dataclasses.replace(each.case, group="one"))
        for each in scored
    ]
    assert fit(alone, seed=0).threshold < 1


def test_the_checkpoint_keeps_all_else_that_it_knows(tmp_path: Path) -> None:
    before = Metadata(name="tiny", bits=8, strategy={"noise": 2}, notes={"step": 7})
    write_metadata(before, tmp_path)
    fitted = fit(answers({-1: 0.9, -6: 0.1}), seed=0)
    write(fitted, tmp_path, "a tree", "2026-01-02")
    after = read_metadata(tmp_path)
    assert after is not None
    assert (after.calibration, after.threshold) == (fitted.calibration, fitted.threshold)
    assert after.notes["step"] == 7
    assert after.notes["calibration"]["fitted_on"] == "a tree"
    restored = dataclasses.replace(
        after, calibration=Calibration(), threshold=None, notes={"step": 7}
    )
    assert restored == before


def test_a_foreign_checkpoint_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"dgls\.json"):
        write(fit(answers({-1: 0.9, -6: 0.1}), seed=0), tmp_path, "tree", "today")
    assert not list(tmp_path.iterdir())
