"""What a user says of denoising, on top of what a family of models does."""

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
    """The settings `denoise.*`; None leaves one to the family and its checkpoint.

    `canvas` is in tokens, the entropies are in nats. A causal model writes what greedy decoding
    would, however it is drafted, so that of these `canvas` alone means something to it: the
    positions of a pass.
    """

    steps: int | None = None
    canvas: int | None = None
    entropy_bound: float | None = None
    temperature_start: float | None = None
    temperature_end: float | None = None
    stop_entropy: float | None = None
    stop_steps: int | None = None

    def applied(self, strategy: Strategy) -> Strategy:
        """The strategy with what was said of its denoise loop; `canvas` is the layout's."""
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
"""Nothing said: the family's own loop."""


def _with(rule: _Plain, **values: float | int | None) -> _Plain:
    return dataclasses.replace(rule, **_said(**values))


def _said(**values: float | int | None) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
