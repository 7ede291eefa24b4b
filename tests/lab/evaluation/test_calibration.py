"""The confidence is fitted, the threshold keeps its promise, and checkpoints are written safely."""

from __future__ import annotations

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest

from dgls.canvas.copies import Copy
from dgls.checkpoint.confidence import Calibration, Evidence
from dgls.checkpoint.metadata import Metadata, read_metadata, write_metadata
from dgls.errors import CheckpointError
from dgls.lab.evaluation import logistic
from dgls.lab.evaluation.calibration import NEVER, Weighed, fit, write


def test_the_fit_recovers_the_true_map() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, 2)) * [1.0, 30.0] + [1.0, 10.0]
    chance = logistic.probability(2.0, np.array([-1.5, 0.05]), features)
    right = (rng.random(20_000) < chance).astype(float)
    intercept, weights = logistic.fit(features, right)
    assert weights == pytest.approx([-1.5, 0.05], rel=0.06)
    assert intercept == pytest.approx(2.0, abs=0.1)


def test_separable_and_constant_features_can_be_fitted() -> None:
    features = np.array([[0.0, 7.0], [1.0, 7.0], [2.0, 7.0], [3.0, 7.0]])
    intercept, weights = logistic.fit(features, np.array([0.0, 0.0, 1.0, 1.0]))
    chance = logistic.probability(intercept, weights, features)
    assert np.isfinite(chance).all()
    assert (chance > 0.5).tolist() == [False, False, True, True]


def weighed(chance_of: dict[int, float], count: int = 600, seed: int = 0) -> list[Weighed]:
    """Cases of one proposal of 5 tokens, right with the chance of its summed log-probability."""
    rng = random.Random(seed)
    found: list[Weighed] = []
    for index in range(count):
        total, chance = rng.choice(list(chance_of.items()))
        found.append(one(f"g{index % 60}", Evidence(float(total), 5), rng.random() < chance))
    return found


def one(group: str, evidence: Evidence, right: bool) -> Weighed:
    return Weighed(group, (evidence,), (right,))


def test_the_threshold_keeps_seven_in_ten_right_on_new_cases() -> None:
    # Right with the logistic chance of the summed log-probability plus 2.
    chances = {total: 1 / (1 + math.exp(-(total + 2))) for total in range(-8, 1)}
    fitted = fit(weighed(chances), seed=0)
    assert fitted.calibration.total + fitted.calibration.mean / 5 == pytest.approx(1.0, abs=0.3)
    assert fitted.after.error < 0.06 < fitted.before.error
    fresh = weighed(chances, count=3000, seed=1)
    shown = [
        each.right[0]
        for each in fresh
        if fitted.calibration.confidence(each.evidence[0]) >= fitted.threshold
    ]
    assert sum(shown) / len(shown) >= 0.67
    # Totals from -1 up are 80 % right together, two ninths of all; showing fewer would be too shy.
    assert len(shown) / len(fresh) > 0.2


def test_the_map_ranks_proposals_by_the_feature_that_makes_them_right() -> None:
    """A copy after a long repeat is right, a draft of the same probability is not."""
    rng = random.Random(0)
    long_repeat, chance = (
        Evidence(-3.0, 5, drafted=False, copy=Copy("x", left, 0.5, 1, 4, renamed=False))
        for left in (60, 2)
    )
    cases = []
    for index in range(300):
        copied = rng.choice((long_repeat, chance))
        proposals = (Evidence(-3.0, 5), copied)
        right = (rng.random() < 0.05, rng.random() < (0.9 if copied is long_repeat else 0.1))
        cases.append(Weighed(f"g{index % 30}", proposals, right))
    fitted = fit(cases, seed=0)
    sure = [fitted.calibration.confidence(each) for each in (proposals[0], long_repeat, chance)]
    assert sure[2] < 0.3 > sure[0]
    assert sure[1] > 0.7
    # Half of the cases have a long repeat, and nine in ten of those are right.
    assert fitted.shown is not None
    assert fitted.shown.coverage > 0.45


def test_a_model_that_is_never_sure_and_right_is_never_shown() -> None:
    fitted = fit(weighed({-1: 0.05, -5: 0.04}), seed=0)
    assert (fitted.threshold, fitted.shown) == (NEVER, None)
    assert fitted.notes("tree", "today")["coverage"] is None


def test_nothing_can_be_fitted_if_all_are_wrong() -> None:
    with pytest.raises(CheckpointError, match="All fills of 50 gaps were wrong"):
        fit(weighed({-1: 0.0}, count=50), seed=0)


def test_cases_of_a_single_file_can_be_fitted() -> None:
    cases = weighed({-1: 0.9, -6: 0.1}, count=100)
    alone = [dataclasses.replace(each, group="one") for each in cases]
    assert fit(alone, seed=0).threshold < 1


def test_the_checkpoint_keeps_its_other_metadata(tmp_path: Path) -> None:
    before = Metadata(name="tiny", bits=8, strategy={"noise": 2}, notes={"step": 7})
    write_metadata(before, tmp_path)
    fitted = fit(weighed({-1: 0.9, -6: 0.1}), seed=0)
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
        write(fit(weighed({-1: 0.9, -6: 0.1}), seed=0), tmp_path, "tree", "today")
    assert not list(tmp_path.iterdir())
