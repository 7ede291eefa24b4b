"""The user's denoise settings, applied over a model family's own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, TypeVar

from dgls.diffusion.schedule import LinearTemperature
from dgls.diffusion.stopping import StopRule
from dgls.fill.strategy import Strategy

_Plain = TypeVar("_Plain", LinearTemperature, StopRule)


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings `denoise.*`; None keeps the value of the family and its checkpoint.

    `canvas` is in tokens, the entropies are in nats. A causal model gives the result of greedy
    decoding however it is drafted, so it reads only `canvas`: the positions of one pass.
    """

    steps: int | None = None
    canvas: int | None = None
    entropy_bound: float | None = None
    temperature_start: float | None = None
    temperature_end: float | None = None
    stop_entropy: float | None = None
    stop_steps: int | None = None

    def applied(self, strategy: Strategy) -> Strategy:
        """The strategy with these denoise settings; `canvas` belongs to the layout."""
        loop = strategy.denoise
        said = _said(max_steps=self.steps, entropy_bound=self.entropy_bound)
        denoise = dataclasses.replace(
            loop,
            **said,
            temperature=_with(
                loop.temperature, start=self.temperature_start, end=self.temperature_end
            ),
            stop=_with(loop.stop, entropy=self.stop_entropy, stable_steps=self.stop_steps),
        )
        return dataclasses.replace(strategy, denoise=denoise)


AS_TRAINED = Knobs()
"""No changes: the family's own settings."""


def _with(rule: _Plain, **values: float | int | None) -> _Plain:
    return dataclasses.replace(rule, **_said(**values))


def _said(**values: float | int | None) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
