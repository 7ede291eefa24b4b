"""The temperature of each denoise step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinearTemperature:
    """Falls linearly with the remaining steps, from `start` down to just above `end`.

    As `LinearTemperatureScheduleLogitsProcessor` of transformers: it depends on the most steps that
    may be taken, so a lower limit cools faster.
    """

    start: float = 0.8
    end: float = 0.4

    def at(self, remaining: int, most: int) -> float:
        """The temperature when `remaining` of `most` steps are left, including this one."""
        return self.end + (self.start - self.end) * (remaining / most)


CONSTANT = LinearTemperature(1.0, 1.0)
"""Leaves the logits unchanged."""
