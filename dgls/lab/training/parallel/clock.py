"""The training time of a run."""

from __future__ import annotations

import time


class Clock:
    """Seconds of training, including earlier parts of the run."""

    def __init__(self, before: float) -> None:
        self._start = time.perf_counter() - before

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._start

    def stopped(self) -> _Pause:
        """A context in which the clock does not run."""
        return _Pause(self)

    def skip(self, seconds: float) -> None:
        """Subtract `seconds`."""
        self._start += seconds


class _Pause:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._clock.skip(time.perf_counter() - self._began)
