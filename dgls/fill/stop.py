"""The token that stops a fill: a cancel, a disconnect or a newer request."""

from __future__ import annotations

import threading

from dgls.errors import Stopped


class StopToken:
    """Set once, from any thread; checked before every denoise step. A deadline is not a stop.

    A stopped fill has no answer (`Stopped`); a fill that runs out of time answers with its best
    draft.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason = ""

    def stop(self, reason: str = "cancelled") -> None:
        """Ask the fill to end. The first reason is kept; later calls change nothing."""
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    @property
    def reason(self) -> str:
        """Why, in a few words, such as "cancelled" or "superseded"; empty if not stopped."""
        return self._reason

    def check(self) -> None:
        """Raise `Stopped` if a stop was asked for."""
        if self.stopped:
            why = f"The fill was stopped ({self._reason}); nothing was changed."
            raise Stopped(why, self._reason)
