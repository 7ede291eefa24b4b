"""Means with intervals, and comparisons of two systems on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the middle 95 % of its bootstrap distribution."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], groups: Sequence[str], seed: int) -> Interval:
    """The mean of `values` [cases], one or more, with a bootstrap interval.

    Whole groups are drawn with replacement, because cases of one function or file are correlated
    (the cluster bootstrap of Cameron, Gelbach and Miller, 2008). The same seed gives the same
    interval.
    """
    sums, sizes = _per_group(values, groups)
    drawn = np.random.default_rng(seed).integers(0, len(sums), size=(DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(np.mean(np.asarray(values, dtype=float))), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system against another on the same cases, by what each got right.

    `wins` are cases that only the first got right, `losses` those that only the second did.
    `difference` is the first's share of right cases minus the second's.
    """

    wins: int
    losses: int
    both: int
    neither: int
    difference: Interval

    @property
    def verdict(self) -> str:
        """ "wins", "loses" or "level", depending on whether the interval excludes zero."""
        if self.difference.low > 0:
            return "wins"
        return "loses" if self.difference.high < 0 else "level"


def compare(
    first: Sequence[bool], second: Sequence[bool], groups: Sequence[str], seed: int
) -> Comparison:
    """Compare what two systems got right, case by case."""
    pairs = list(zip(first, second, strict=True))
    return Comparison(
        wins=pairs.count((True, False)),
        losses=pairs.count((False, True)),
        both=pairs.count((True, True)),
        neither=pairs.count((False, False)),
        difference=mean_interval([float(a) - float(b) for a, b in pairs], groups, seed),
    )


def _per_group(
    values: Sequence[float], groups: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sum of the values and the number of cases of each group, both [groups]."""
    numbers = {name: index for index, name in enumerate(dict.fromkeys(groups))}
    index = np.array([numbers[name] for name in groups])
    sums = np.zeros(len(numbers))
    np.add.at(sums, index, np.asarray(values, dtype=float))
    return sums, np.bincount(index, minlength=len(numbers)).astype(float)
