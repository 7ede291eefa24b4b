"""The chance that a candidate is right, from its evidence: fitted logistic maps, two a model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from dgls.errors import CheckpointError
from dgls.logistic import logistic

FILE = "confidence.json"
"""What `dgls eval calibrate` writes beside a model's weights; it goes before what dgls brings."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """logistic(bias + the weighted sum of the features); unknown features weigh nothing."""

    bias: float
    weights: Mapping[str, float]

    def of(self, features: Mapping[str, float]) -> float:
        """The chance in 0..1."""
        known = self.weights
        logit = self.bias + sum(known.get(name, 0.0) * x for name, x in features.items())
        return logistic(logit)


_GUESSED = Logistic(1.5, {"total": 0.5, "least": 0.3})


@dataclass(frozen=True, slots=True)
class Confidence:
    """`alone` weighs the text that the model writes first, `searched` those of a whole search.

    A suggestion below `threshold` should not be shown unasked. The default claims nothing that was
    measured.
    """

    alone: Logistic = _GUESSED
    searched: Logistic = _GUESSED
    threshold: float = 0.7
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Confidence:
        """Raises `ValueError` or `TypeError` for anything else than `to_json` writes."""
        fields = dict(json.loads(text))
        alone, searched = Logistic(**fields.pop("alone")), Logistic(**fields.pop("searched"))
        return cls(alone, searched, **fields)


def confidence_of(model: str, folder: Path | None = None) -> Confidence:
    """What was fitted for a model: in its `folder`, else what dgls brings for it or for its kin.

    Raises `CheckpointError` for a file that cannot be read.
    """
    brought = resources.files("dgls.fill") / "fitted"
    places = [folder / FILE] if folder else []
    for place in (*places, brought / f"{Path(model).name}.json", brought / f"{_KIN}.json"):
        if place.is_file():
            try:
                return Confidence.from_json(place.read_text(encoding="utf-8"))
            except (ValueError, TypeError, KeyError) as error:
                raise CheckpointError(
                    f"{place} cannot be read ({error}); nothing was loaded. Delete it, or install "
                    f"dgls again."
                ) from error
    return Confidence()


_KIN = "qwen2.5-coder-0.5b-instruct"
"""Whose confidence a model of the family takes that was never fitted itself."""
