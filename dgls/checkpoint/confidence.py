"""The confidence of a canvas model's fill: from evidence to the probability that it is right."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from dgls.canvas.copies import Copy
from dgls.logistic import logistic


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for one fill before it is shown.

    `total` is its causal log-probability in nats, over `tokens` tokens. `drafted` tells whether the
    model proposed it; `copy` is set if the document holds it.
    """

    total: float
    tokens: int
    drafted: bool = True
    copy: Copy | None = None

    def features(self) -> dict[str, float]:
        """The features for a `Calibration`, by the names of its fields; missing ones are 0."""
        return {
            "total": self.total,
            "mean": self.total / max(1, self.tokens),
            "length": float(self.tokens),
            "drafted": float(self.drafted),
            **(self._copied(self.copy) if self.copy else {}),
        }

    def _copied(self, copy: Copy) -> dict[str, float]:
        return {
            "copied": 1.0,
            "agreed": float(self.drafted),
            "renamed": float(copy.renamed),
            "left": math.log1p(copy.left),
            "likeness": copy.likeness,
            "votes": math.log1p(copy.votes),
            "share": copy.votes / copy.places,
        }


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic model from evidence to the probability that a fill is right.

    confidence = logistic(bias + weighted sum of `Evidence.features`). The default is a function of
    the mean log-probability only: it ranks by the mean, and its values are not measured. `dgls eval
    calibrate` fits it.
    """

    bias: float = 2.0
    total: float = 0.0
    mean: float = 2.0
    length: float = 0.0
    drafted: float = 0.0
    copied: float = 0.0
    agreed: float = 0.0
    renamed: float = 0.0
    left: float = 0.0
    likeness: float = 0.0
    votes: float = 0.0
    share: float = 0.0

    def confidence(self, evidence: Evidence) -> float:
        """The confidence of a fill, 0..1."""
        weights = dataclasses.asdict(self)
        logit = self.bias + sum(weights[name] * x for name, x in evidence.features().items())
        return logistic(logit)
