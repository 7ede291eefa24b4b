"""How sure a fill is: from what is known of it to the chance that it is right."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from dgls.canvas.copies import Copy
from dgls.logistic import logistic


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one fill before anybody has seen it.

    `total` is its causal log-probability in nats, over `tokens` tokens. `drafted` says whether
    the model proposed it, `copy` where the document holds it, if it does.
    """

    total: float
    tokens: int
    drafted: bool = True
    copy: Copy | None = None

    def features(self) -> dict[str, float]:
        """The numbers that a `Calibration` weighs, by the names of its fields; others are 0."""
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
    """A logistic map from evidence to the chance that a fill is right.

    confidence = logistic(bias + the weighted sum of `Evidence.features`). The default gives
    exp-like growth in the mean log-probability alone: it ranks as the mean does and claims nothing
    that was measured. Fit it with `dgls eval calibrate`.
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
        """The confidence in 0..1 of a fill."""
        weights = dataclasses.asdict(self)
        logit = self.bias + sum(weights[name] * x for name, x in evidence.features().items())
        return logistic(logit)
