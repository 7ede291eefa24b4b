"""Logistic regression by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 50


def fit(features: Floats, right: Floats, ridge: float = 1e-2) -> tuple[float, Floats]:
    """The intercept and weights of the most likely logistic map from `features` to `right`.

    `features` [cases, features], `right` [cases] of 0 and 1. This is iteratively reweighted least
    squares (McCullagh and Nelder, 1989); `ridge` times the squared weights of standardised features
    is subtracted from the log-likelihood, so that there is a solution even if the cases can be
    separated or a feature is constant.
    """
    centre: Floats = np.asarray(features.mean(axis=0), dtype=np.float64)
    spread: Floats = np.asarray(features.std(axis=0), dtype=np.float64)
    spread[spread == 0] = 1.0
    design = np.column_stack([np.ones(len(features)), (features - centre) / spread])
    penalty = np.diag([1e-9, *[2 * ridge] * features.shape[1]])
    weights: Floats = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        change = _newton_step(design, right, weights, penalty)
        weights += change
        if np.abs(change).max() < 1e-10:
            break
    plain = weights[1:] / spread
    return float(weights[0] - plain @ centre), plain


def probability(intercept: float, weights: Floats, features: Floats) -> Floats:
    """The fitted probabilities [cases] of `features` [cases, features]."""
    return _sigmoid(intercept + features @ weights)


def _newton_step(design: Floats, right: Floats, weights: Floats, penalty: Floats) -> Floats:
    chance = _sigmoid(design @ weights)
    gradient = design.T @ (right - chance) - penalty @ weights
    curvature = (design.T * (chance * (1 - chance))) @ design + penalty
    step = np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)
    # Far from the solution a full Newton step can overshoot and diverge.
    return step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))


def _sigmoid(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0)))
