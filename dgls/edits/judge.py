"""The chance that the edit of one line is wanted on another: a fitted logistic model."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dgls.edits.transfer import MAX_AROUND, Around
from dgls.logistic import logistic


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a place.

    - `around`: how similar its surroundings are to those of the edit
    - `agreed`: how many lines were edited in this way
    - `inserts`, `deletes`: whether some part of the edit only adds text, and whether all parts
      only remove text
    - `replaced`, `added`: how many tokens the edit removes and writes
    - `places`: how many similar places there are
    """

    around: Around
    agreed: int
    inserts: bool
    deletes: bool
    replaced: int
    added: int
    places: int

    @property
    def features(self) -> tuple[float, ...]:
        """The features of the fitted model, in the order of its weights."""
        left, right = self.around.left / MAX_AROUND, self.around.right / MAX_AROUND
        return (
            float(self.inserts),
            float(self.inserts and self.agreed > 1),
            float(self.deletes),
            math.log1p(self.replaced),
            math.log1p(self.added),
            math.log1p(self.places),
            left,
            right,
            min(left, right),
            float(self.around.whole),
        )


# Fitted with `lab.evaluation.logistic` (ridge 1) on 633 places of the eleven fitting packages that
# docs/evaluation.md names. The lowest chance was chosen there too.
INTERCEPT = 0.126
WEIGHTS = (1.992, -0.784, -2.37, 1.535, -1.074, -1.06, 1.837, 2.971, -1.344, 1.619)
MIN_CHANCE = 0.65
"""The lowest chance of a place that is offered."""


def chance(evidence: Evidence) -> float:
    """The chance, 0 to 1, that a place takes exactly this text."""
    pairs = zip(WEIGHTS, evidence.features, strict=True)
    logit = INTERCEPT + sum(weight * value for weight, value in pairs)
    return logistic(logit)
