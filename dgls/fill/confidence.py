"""The chance that a candidate is right, from its evidence: a fitted logistic map a model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from dgls.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Confidence:
    """confidence = sigmoid(bias + the weighted sum of the features).

    A suggestion below `threshold` should not be shown unasked. Unknown features weigh nothing.
    """

    bias: float = 1.5
    weights: Mapping[str, float] = field(default_factory=lambda: {"total": 0.5, "least": 0.3})
    threshold: float = 0.6
    notes: Mapping[str, Any] = field(default_factory=dict)

    def of(self, features: Mapping[str, float]) -> float:
        """The confidence in 0..1."""
        logit = self.bias + sum(
            self.weights.get(name, 0.0) * value for name, value in features.items()
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, logit))))


def confidence_of(model: str) -> Confidence:
    """What was fitted for a model by its name, or for its nearest kin; the default for others."""
    folder = resources.files("dgls.fill") / "fitted"
    for name in (model, _KIN):
        file = folder / f"{name}.json"
        if name and "/" not in name and file.is_file():
            try:
                return Confidence(**json.loads(file.read_text(encoding="utf-8")))
            except (ValueError, TypeError) as error:
                raise CheckpointError(
                    f"The fitted confidence of {name} cannot be read ({error}); nothing was "
                    f"loaded. Install dgls again."
                ) from error
    return Confidence()


_KIN = "qwen2.5-coder-0.5b-instruct"
"""Whose confidence a model of the family takes that was never fitted itself."""
