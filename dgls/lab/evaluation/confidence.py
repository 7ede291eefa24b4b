"""Whether a confidence can be trusted, and the result of showing only confident fills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

Judged = Sequence[tuple[float, bool]]
"""Confidence in 0..1 and whether the fill was right, for each case."""

BINS = 10
TARGET_PRECISION = 0.6
"""The lowest acceptable share of right fills among those shown."""
_COVERAGES = (0.05, 0.1, 0.15, 0.2, 0.35, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Bin:
    """The fills with a confidence from `low` up to `high`: count, mean confidence, share right."""

    low: float
    high: float
    count: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """Bins in order of confidence, and two overall figures, both best at 0.

    `error` is the expected calibration error: the mean distance between confidence and share right,
    with bins weighted by their counts (Naeini et al. 2015). `brier` is the mean squared error of
    the confidence (Brier 1950).
    """

    bins: tuple[Bin, ...]
    error: float
    brier: float


@dataclass(frozen=True, slots=True)
class Shown:
    """The result of showing every fill from `threshold` up: its share, and the share right of it.

    `precision` is 0 if nothing is shown.
    """

    threshold: float
    coverage: float
    precision: float


def reliability(judged: Judged) -> Reliability:
    """The reliability table over ten equal bins; empty ones are left out."""
    groups = groupby(sorted(judged), key=lambda each: _index(each[0]))
    bins = tuple(_bin(index, list(members)) for index, members in groups)
    error = sum(each.count * abs(each.confidence - each.right) for each in bins)
    brier = sum((confidence - right) ** 2 for confidence, right in judged)
    return Reliability(bins, error / max(1, len(judged)), brier / max(1, len(judged)))


def shown_at(judged: Judged, threshold: float) -> Shown:
    """The result of a threshold."""
    shown = [right for confidence, right in judged if confidence >= threshold]
    precision = sum(shown) / len(shown) if shown else 0.0
    return Shown(threshold, len(shown) / max(1, len(judged)), precision)


def widest(judged: Judged, precision: float = TARGET_PRECISION) -> Shown | None:
    """The largest coverage at which at least `precision` of what is shown is right, if any."""
    good = [shown for shown in _every(judged) if shown.precision >= precision]
    return max(good, key=lambda shown: shown.coverage, default=None)


def by_coverage(judged: Judged) -> tuple[Shown, ...]:
    """The results at a few coverages, or at the next higher ones that ties allow."""
    chosen = (at_coverage(judged, least) for least in _COVERAGES)
    return tuple(dict.fromkeys(shown for shown in chosen if shown))


def at_coverage(judged: Judged, least: float) -> Shown | None:
    """The result of showing the most confident `least` of all fills or, with ties, a few more.

    None without fills. Fills of equal confidence are shown together or not at all.
    """
    return next((shown for shown in _every(judged) if shown.coverage >= least), None)


def _every(judged: Judged) -> Iterator[Shown]:
    """The result of each distinct threshold, from the highest down."""
    count = right = 0
    ordered = sorted(judged, key=lambda each: -each[0])
    for threshold, members in groupby(ordered, key=lambda each: each[0]):
        outcomes = [outcome for _, outcome in members]
        count += len(outcomes)
        right += sum(outcomes)
        yield Shown(threshold, count / len(judged), right / count)


def _index(confidence: float) -> int:
    return min(BINS - 1, int(confidence * BINS))


def _bin(index: int, members: Judged) -> Bin:
    count = len(members)
    confidence = sum(each for each, _ in members) / count
    right = sum(outcome for _, outcome in members) / count
    return Bin(index / BINS, (index + 1) / BINS, count, confidence, right)
