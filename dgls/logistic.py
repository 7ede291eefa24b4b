"""The logistic function, which turns the sum of a fitted model into a probability."""

from __future__ import annotations

import math

_FARTHEST = 60.0


def logistic(logit: float) -> float:
    """1 / (1 + exp(-logit)), between 0 and 1, without overflow."""
    return 1.0 / (1.0 + math.exp(-max(-_FARTHEST, min(_FARTHEST, logit))))
