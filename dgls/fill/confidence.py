"""The probability that a candidate is right: two fitted logistic models per language model."""

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
"""Written by `dgls eval calibrate` beside a model's weights; overrides the file that dgls ships."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """logistic(bias + weighted sum of features); a feature without a weight counts 0."""

    bias: float
    weights: Mapping[str, float]

    def of(self, features: Mapping[str, float]) -> float:
        """The probability, from 0 to 1."""
        known = self.weights
        logit = self.bias + sum(known.get(name, 0.0) * x for name, x in features.items())
        return logistic(logit)


_GUESSED = Logistic(1.5, {"total": 0.5, "least": 0.3})


@dataclass(frozen=True, slots=True)
class Confidence:
    """`alone` weighs the model's first text, `searched` the candidates of a whole search.

    A suggestion with a confidence below `threshold` should not be shown unasked. The defaults are
    not measured.
    """

    alone: Logistic = _GUESSED
    searched: Logistic = _GUESSED
    threshold: float = 0.7
    notes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """JSON text that `from_json` reads."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Confidence:
        """Read the text of `to_json`. Raises `ValueError` or `TypeError` for anything else."""
        fields = dict(json.loads(text))
        alone, searched = Logistic(**fields.pop("alone")), Logistic(**fields.pop("searched"))
        return cls(alone, searched, **fields)


def confidence_of(model: str, folder: Path | None = None) -> Confidence:
    """A model's fitted confidence: from its `folder`, else the shipped one for it or its family.

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
"""The model whose confidence is used for a model of its family that has none of its own."""
