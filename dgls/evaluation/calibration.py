"""Fits a checkpoint's confidence and the threshold from which its fills are shown.

Both are fitted on cases cut from a tree that is neither trained on nor evaluated on, and written
into the checkpoint's `dgls.json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from dgls.errors import CheckpointError
from dgls.evaluation import logistic
from dgls.evaluation.cases import Kind
from dgls.evaluation.confidence import (
    TARGET_PRECISION,
    Judged,
    Reliability,
    Shown,
    reliability,
    shown_at,
    widest,
)
from dgls.evaluation.logistic import Floats
from dgls.evaluation.metrics import Scored
from dgls.evaluation.systems import REFUSED
from dgls.models.metadata import METADATA_FILE, Calibration, read_metadata, write_metadata

SHOWN_KINDS = (Kind.LINE_END, Kind.WHOLE_LINE, Kind.ARGUMENTS, Kind.SPAN)
"""What is suggested while typing: one gap on one line. On such gaps the confidence is fitted."""

NEVER = 1.0
"""The threshold of a model that is not right often enough to be shown at all."""

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted confidence. `before` and `after` are its reliability on cases that were left out.

    `shown` is what the threshold shows of those, as far as it shows anything.
    """

    calibration: Calibration
    threshold: float
    cases: int
    before: Reliability
    after: Reliability
    shown: Shown | None

    def notes(self, fitted_on: str, date: str) -> dict[str, Any]:
        """What the checkpoint's metadata should say about the fit."""
        return {
            "fitted_on": fitted_on,
            "date": date,
            "cases": self.cases,
            "error": round(self.after.error, 4),
            "precision": round(self.shown.precision, 4) if self.shown else None,
            "coverage": round(self.shown.coverage, 4) if self.shown else None,
        }


def fit(scored: Sequence[Scored], seed: int) -> Fitted:
    """Fit on scored answers of one system.

    The threshold is the lowest at which at least 60 % of what is shown is right, judged on
    confidences from five folds of whole files, so that no case judges a map fitted on it.
    Refused cases have no score and are left out. Raises `CheckpointError` where the answers are
    all right or all wrong.
    """
    scored = [each for each in scored if each.answer.proposal != REFUSED]
    features = _features(scored)
    right = np.array([float(each.exact) for each in scored])
    if len(set(right)) < 2:
        outcome = "right" if len(right) and right[0] else "wrong"
        raise CheckpointError(
            f"All {len(scored)} fills were {outcome}, so there is nothing to fit a confidence to; "
            f"the checkpoint was left as it is. Take more cases or train longer."
        )
    intercept, weights = logistic.fit(features, right)
    unseen = _cross_fitted(features, right, [each.case.group for each in scored], seed)
    judged = _judged(unseen, right)
    best = widest(judged, TARGET_PRECISION)
    total, mean, length = map(float, weights)
    return Fitted(
        calibration=Calibration(bias=intercept, total=total, mean=mean, length=length),
        threshold=best.threshold if best else NEVER,
        cases=len(scored),
        before=reliability([(each.answer.confidence, each.exact) for each in scored]),
        after=reliability(judged),
        shown=shown_at(judged, best.threshold) if best else None,
    )


def write(fitted: Fitted, folder: Path, fitted_on: str, date: str) -> None:
    """Write confidence and threshold into the checkpoint's metadata; the rest of it stays.

    Raises `CheckpointError` for a checkpoint without metadata of dgls.
    """
    metadata = read_metadata(folder)
    if metadata is None:
        raise CheckpointError(
            f"{folder} has no {METADATA_FILE}, so dgls did not write this checkpoint; it was left "
            f"as it is."
        )
    notes = {**metadata.notes, "calibration": fitted.notes(fitted_on, date)}
    changed = dataclasses.replace(
        metadata, calibration=fitted.calibration, threshold=fitted.threshold, notes=notes
    )
    write_metadata(changed, folder)


def _features(scored: Sequence[Scored]) -> Floats:
    """Summed log-probability, its mean a token, and tokens: what `Calibration` weighs."""
    rows = [
        (each.answer.score, each.answer.score / max(1, each.answer.tokens), each.answer.tokens)
        for each in scored
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _cross_fitted(features: Floats, right: Floats, groups: Sequence[str], seed: int) -> Floats:
    """Each case's confidence from a map that was fitted without the cases of its fold."""
    names = sorted(set(groups))
    Random(f"folds:{seed}").shuffle(names)
    fold_of = {name: index % _FOLDS for index, name in enumerate(names)}
    folds = np.array([fold_of[group] for group in groups])
    confidence = np.zeros(len(right))
    for fold in sorted(set(folds.tolist())):
        kept = folds != fold
        # With one file alone there is no other to fit on.
        kept = kept if kept.any() else ~kept
        intercept, weights = logistic.fit(features[kept], right[kept])
        inside = folds == fold
        confidence[inside] = logistic.probability(intercept, weights, features[inside])
    return confidence


def _judged(confidence: Floats, right: Floats) -> Judged:
    return [(float(each), bool(outcome)) for each, outcome in zip(confidence, right, strict=True)]
