"""Fits the confidence of a causal model: for first texts alone, and for whole searches."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from dgls.errors import CheckpointError
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence, Logistic
from dgls.fill.gap_work import Weighed
from dgls.fill.running import CausalStrategy
from dgls.lab.evaluation import logistic
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.confidence import Shown, shown_at, widest
from dgls.lab.evaluation.metrics import is_exact
from dgls.lab.evaluation.model_systems import request_of
from dgls.syntax.cursor import Budget

FITTED_PRECISION = 0.78
"""The lowest share of right fills shown for our own gaps: 75 %, and a margin for other code."""

LEAST_THRESHOLD = 0.5
"""Shown texts are more likely right than wrong, even if a lower threshold met the target."""

FOLDS = 5
_RIVALS = frozenset({"lead", "alone", "greedy", "copied", "likeness", "share", "joint_lead"})
"""Evidence that only a search gives."""


@dataclass(frozen=True, slots=True)
class Row:
    """One text's evidence and whether it is right."""

    features: Mapping[str, float]
    right: bool
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: the first text alone, and beside others, automatic and explicit."""

    group: str
    several_lines: bool
    alone: Row
    automatic: tuple[Row, ...]
    explicit: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted confidence, and what its threshold shows of held-out one-line gaps."""

    confidence: Confidence
    cases: int
    exact: float
    shown: Shown | None


def judge(filler: CausalFiller, cases: Iterable[Case], budget: Budget) -> Iterator[Judged]:
    """Every text that a fill would weigh, for each case with one gap."""
    for case in cases:
        if len(case.gaps) != 1:
            continue
        found = filler.considered(request_of(case, budget, 0))
        yield Judged(
            case.group,
            case.gaps[0].max_lines > 1,
            _row(case, found.alone),
            tuple(_row(case, each) for each in found.automatic),
            tuple(_row(case, each) for each in found.explicit),
        )


def fit(cases: Sequence[Judged], strategy: CausalStrategy, fitted_on: str) -> Fitted:
    """Fit both maps and the threshold.

    The threshold is the lowest from `LEAST_THRESHOLD` up at which enough of what is shown is right,
    judged on confidences of five folds of whole files, so that no case judges a map fitted on it.
    Raises `CheckpointError` if all texts are right or all wrong.
    """
    judged = list(_cross_judged(cases, strategy))
    lines = [(sure, right) for sure, right, several in judged if not several]
    best = widest(lines, FITTED_PRECISION)
    threshold = round(max(best.threshold, LEAST_THRESHOLD), 3) if best else 1.0
    shown = shown_at(lines, threshold) if best else None
    alone, searched = _maps(cases)
    notes = {
        "fitted_on": fitted_on,
        "cases": len(cases),
        "date": datetime.date.today().isoformat(),
        "precision": round(shown.precision, 3) if shown else None,
        "coverage": round(shown.coverage, 3) if shown else None,
    }
    return Fitted(
        Confidence(alone, searched, threshold, notes),
        len(cases),
        float(np.mean([right for _, right, _ in judged])),
        shown,
    )


def _cross_judged(
    cases: Sequence[Judged], strategy: CausalStrategy
) -> Iterator[tuple[float, bool, bool]]:
    """For each case its answer's confidence, whether it is right, and has several lines."""
    groups = sorted({case.group for case in cases})
    Random("folds").shuffle(groups)
    fold_of = {group: index % FOLDS for index, group in enumerate(groups)}
    for fold in range(FOLDS):
        others = [case for case in cases if fold_of[case.group] != fold]
        inside = [case for case in cases if fold_of[case.group] == fold]
        if not inside or not others:
            continue
        alone, searched = _maps(others)
        for case in inside:
            sure, right = _answer(case, alone, searched, strategy)
            yield sure, right, case.several_lines


def _answer(
    case: Judged, alone: Logistic, searched: Logistic, strategy: CausalStrategy
) -> tuple[float, bool]:
    """The answer of an automatic fill: the first text if that settles it, else the best one."""
    first = alone.of(case.alone.features)
    if not strategy.hopeless <= first < strategy.enough:
        # Nothing is shown if the model is sure that nothing belongs there.
        return (first, case.alone.right) if case.alone.text.strip() else (0.0, False)
    spoken = [row for row in case.automatic if row.text.strip()]
    if not spoken:
        return 0.0, False
    best = max(spoken, key=lambda row: searched.of(row.features))
    return searched.of(best.features), best.right


def _maps(cases: Sequence[Judged]) -> tuple[Logistic, Logistic]:
    first = [case.alone for case in cases if case.alone.text.strip()]
    several = [row for case in cases for row in (*case.automatic, *case.explicit)]
    spoken = [row for row in several if row.text.strip()]
    return _fitted(first, _RIVALS), _fitted(spoken, frozenset({"alone"}))


def _fitted(rows: Sequence[Row], without: frozenset[str]) -> Logistic:
    if len({row.right for row in rows}) < 2:
        outcome = "right" if rows and rows[0].right else "wrong"
        raise CheckpointError(
            f"All of {len(rows)} texts were {outcome}, so there is nothing to fit a confidence to; "
            f"nothing was written. Take more gaps."
        )
    names = [name for name in rows[0].features if name not in without]
    features = np.array([[row.features.get(name, 0.0) for name in names] for row in rows])
    bias, weights = logistic.fit(features, np.array([float(row.right) for row in rows]))
    return Logistic(
        round(bias, 4), {name: round(float(w), 4) for name, w in zip(names, weights, strict=True)}
    )


def _row(case: Case, weighed: Weighed) -> Row:
    text = weighed.candidate.text
    return Row(weighed.features, is_exact(case.truth, (text,)), text)
