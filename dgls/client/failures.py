"""Decides when to stop starting an engine that keeps failing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from dgls.errors import EngineUnavailableError

LIMIT = 3
WINDOW_S = 60.0


class Failures:
    """The engine's failures within the last minute, without an answer in between.

    An engine that answers and is killed later, however often, is worth starting again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=LIMIT)
        self._why = ""

    def record(self, why: str) -> None:
        """Record a failure of the engine now; `why` is a clause for a message."""
        self._times.append(self._clock())
        self._why = why

    def forget(self) -> None:
        """Forget earlier failures, because the engine answered."""
        self._times.clear()

    def check(self) -> None:
        """Raise `EngineUnavailableError` after too many failures."""
        verdict = self.verdict()
        if verdict is not None:
            raise verdict

    def verdict(self) -> EngineUnavailableError | None:
        """Why the engine is not started again for now; None if it may be."""
        now = self._clock()
        if len(self._times) < LIMIT or now - self._times[0] >= WINDOW_S:
            return None
        wait = WINDOW_S - (now - self._times[0])
        return EngineUnavailableError(
            f"The engine failed {LIMIT} times within a minute, the last time because {self._why}. "
            f"It will not be started again for {wait:.0f} s."
        )
