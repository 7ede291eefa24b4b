"""How likely it is that the edit of one line is wanted on another: a fitted logistic map."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dgls.logistic import logistic


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a place.

    - `alike`: the similarity of the two lines, 0 to 1
    - `agreed`: how many lines were edited in this way
    - `inserts`: whether the edit only added something
    - `siblings`: whether both lines are in one block
    - `renames`: whether the edit replaced names only
    - `tokens`: how many tokens the line has
    - `replaced`: how many of them the edit removes
    - `lines`: how many lines away the place is
    - `places`: how many such places there are
    """

    alike: float
    agreed: int
    inserts: bool
    siblings: bool
    renames: bool
    tokens: int
    replaced: int
    lines: int
    places: int

    @property
    def features(self) -> tuple[float, ...]:
        """The numbers that the map was fitted on, in the order of its weights."""
        return (
            self.alike,
            float(self.alike == 1),
            float(self.agreed > 1),
            float(self.agreed > 2),
            float(self.inserts),
            float(self.siblings),
            float(self.renames),
            math.log1p(self.tokens),
            math.log1p(self.replaced),
            math.log1p(self.lines),
            math.log1p(self.places),
            float(self.inserts and self.agreed > 1),
        )


# Fitted with `lab.evaluation.logistic` (ridge 1) on 214 places of the six fitting packages that
# docs/evaluation.md names; the least chance was chosen there too.
INTERCEPT = -7.778
WEIGHTS = (6.616, -0.573, 1.056, 1.702, 1.253, -0.808, 1.101, 1.169, 1.066, 0.009, -1.077, -0.744)
LEAST = 0.7
"""Least chance of a place that is offered."""


def chance(evidence: Evidence) -> float:
    """The chance, 0 to 1, that a place takes the very text."""
    pairs = zip(WEIGHTS, evidence.features, strict=True)
    logit = INTERCEPT + sum(weight * value for weight, value in pairs)
    return logistic(logit)
