"""What ends a model's passes early."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dgls.diffusion.loop import never
from dgls.errors import Stopped


@dataclass(frozen=True, slots=True)
class RunControl:
    """A stop, after which there is no answer, and a deadline, at which the best text is one.

    The deadline is in seconds of `time.monotonic()`. Both are checked before each pass.
    """

    should_stop: Callable[[], bool] = never
    deadline: float | None = None

    def out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def check(self, written: int) -> None:
        """Raise `Stopped` if the fill, which has `written` tokens, was stopped."""
        if self.should_stop():
            raise Stopped(f"The fill was stopped after {written} tokens; nothing was changed.")
