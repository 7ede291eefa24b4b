"""The user's typing rhythm, and how long to wait before the model is asked."""

from __future__ import annotations

import math
from dataclasses import dataclass

BREAK_MS = 1_000.0
"""A longer interval is not typing: the user read, thought or was away."""

_KEPT = 40
_ENOUGH = 8
_PAUSE_MS = 240.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The last intervals between keystrokes in milliseconds, and the time of the last keystroke.

    `last_ms` is on any monotonic clock, None before the first keystroke.
    """

    intervals: tuple[float, ...] = ()
    last_ms: float | None = None

    def pressed(self, now_ms: float) -> Rhythm:
        """The rhythm after one more keystroke."""
        if self.last_ms is None or now_ms - self.last_ms > BREAK_MS:
            return Rhythm(self.intervals, now_ms)
        intervals = (*self.intervals, now_ms - self.last_ms)
        return Rhythm(intervals[-_KEPT:], now_ms)

    @property
    def pause_ms(self) -> float:
        """The interval in milliseconds after which the user has probably stopped."""
        return quantile(self.intervals, 0.9) if len(self.intervals) >= _ENOUGH else _PAUSE_MS


def delay_ms(rhythm: Rhythm, *, in_word: bool, shortest_ms: float, longest_ms: float) -> float:
    """How many milliseconds after the last keystroke the model is asked.

    Between words at once: people stop there to think, and there is most to fill in. Inside a word
    only when the user has probably stopped. The limits of the settings always hold.
    """
    wanted = rhythm.pause_ms if in_word else 0.0
    return max(shortest_ms, min(wanted, longest_ms))


def quantile(values: tuple[float, ...], share: float) -> float:
    """The smallest value that at least a `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
