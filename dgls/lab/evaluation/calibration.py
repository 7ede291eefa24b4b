"""Fits a checkpoint's confidence and the threshold for showing its fills.

Both are fitted on cases from a tree that is used neither in training nor in evaluation, and written
into the checkpoint's `dgls.json`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from dgls.checkpoint.confidence import Calibration, Evidence
from dgls.checkpoint.metadata import METADATA_FILE, read_metadata, write_metadata
from dgls.errors import CheckpointError, InputError
from dgls.fill.canvas import CanvasFiller
from dgls.lab.evaluation import logistic
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.confidence import (
    Reliability,
    Shown,
    reliability,
    shown_at,
    widest,
)
from dgls.lab.evaluation.metrics import is_exact
from dgls.lab.evaluation.model_systems import request_of
from dgls.syntax.cursor import Budget

SHOWN_KINDS = (Kind.LINE_END, Kind.WHOLE_LINE, Kind.ARGUMENTS, Kind.SPAN)
"""The suggestions during typing: one gap on one line. The confidence is fitted on such gaps."""

NEVER = 1.0
"""The threshold of a model that is not right often enough to show anything."""

FITTED_PRECISION = 0.7
"""The lowest share of right fills among those shown for our own gaps.

Higher than `TARGET_PRECISION`: other code differs from these gaps more than they differ from each
other, and some packages repeat themselves less.
"""

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Weighed:
    """The proposals of one case: the evidence for each, and whether it is right.

    `group` is the case's own, usually its file.
    """

    group: str
    evidence: tuple[Evidence, ...]
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted confidence. `before` and `after` are its reliability on held-out cases.

    `shown` is what the threshold shows of those, if anything.
    """

    calibration: Calibration
    threshold: float
    cases: int
    before: Reliability
    after: Reliability
    shown: Shown | None

    def notes(self, fitted_on: str, date: str) -> dict[str, Any]:
        """The notes on the fit for the checkpoint's metadata."""
        return {
            "fitted_on": fitted_on,
            "date": date,
            "cases": self.cases,
            "error": round(self.after.error, 4),
            "precision": round(self.shown.precision, 4) if self.shown else None,
            "coverage": round(self.shown.coverage, 4) if self.shown else None,
        }


def weigh(
    filler: CanvasFiller, cases: Iterable[Case], budget: Budget, seed: int
) -> Iterator[Weighed]:
    """The proposals of each case; none for a case that does not fit the model's canvas."""
    for case in cases:
        try:
            found = filler.proposals(request_of(case, budget, seed))
        except InputError:
            found = ()
        # An empty fill ranks last whatever its confidence.
        filled = [each for each in found if any(each.texts)]
        yield Weighed(
            case.group,
            tuple(each.evidence() for each in filled),
            tuple(is_exact(case.truth, each.texts) for each in filled),
        )


def fit(weighed: Sequence[Weighed], seed: int, before: Calibration | None = None) -> Fitted:
    """Fit on the proposals of many cases.

    The map is fitted on every proposal, because it ranks them; it is judged on the one that it
    ranks first. The threshold is the lowest at which at least 70 % of what is shown is right,
    judged on confidences from five folds of whole files, so that no case judges a map fitted on it.
    Cases without proposals are left out. `before` is the map to compare with. Raises
    `CheckpointError` if the proposals are all right or all wrong.
    """
    cases = [each for each in weighed if each.evidence]
    right = np.array([float(each) for case in cases for each in case.right])
    if len(set(right)) < 2:
        outcome = "right" if len(right) and right[0] else "wrong"
        raise CheckpointError(
            f"All fills of {len(cases)} gaps were {outcome}, so there is nothing to fit a "
            f"confidence to; the checkpoint was left as it is. Take more gaps or train longer."
        )
    judged = [_first(case, confidence) for case, confidence in _cross_fitted(cases, seed)]
    best = widest(judged, FITTED_PRECISION)
    return Fitted(
        calibration=_fitted(cases),
        threshold=best.threshold if best else NEVER,
        cases=len(cases),
        before=reliability([_first(case, before or Calibration()) for case in cases]),
        after=reliability(judged),
        shown=shown_at(judged, best.threshold) if best else None,
    )


def write(fitted: Fitted, folder: Path, fitted_on: str, date: str) -> None:
    """Write confidence and threshold into the checkpoint's metadata, leaving the rest unchanged.

    Raises `CheckpointError` for a checkpoint without dgls's metadata.
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


def _fitted(cases: Sequence[Weighed]) -> Calibration:
    """The most likely map from the evidence of all proposals to their correctness."""
    rows = [evidence.features() for case in cases for evidence in case.evidence]
    names = sorted({name for row in rows for name in row})
    features = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    right = np.array([float(each) for case in cases for each in case.right])
    intercept, weights = logistic.fit(features, right)
    return Calibration(bias=intercept, **dict(zip(names, map(float, weights), strict=True)))


def _cross_fitted(cases: Sequence[Weighed], seed: int) -> Iterator[tuple[Weighed, Calibration]]:
    """Each case with a map that was fitted without the cases of its fold."""
    groups = sorted({case.group for case in cases})
    Random(f"folds:{seed}").shuffle(groups)
    fold_of = {group: index % _FOLDS for index, group in enumerate(groups)}
    for fold in sorted(set(fold_of.values())):
        inside = [case for case in cases if fold_of[case.group] == fold]
        # With a single file there is no other to fit on.
        others = [case for case in cases if fold_of[case.group] != fold] or cases
        fitted = _fitted(others)
        yield from ((case, fitted) for case in inside)


def _first(case: Weighed, calibration: Calibration) -> tuple[float, bool]:
    """The confidence of the proposal that the map ranks first, and whether that is right."""
    confidences = [calibration.confidence(evidence) for evidence in case.evidence]
    first = max(range(len(confidences)), key=confidences.__getitem__)
    return confidences[first], case.right[first]
