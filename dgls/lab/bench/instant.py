"""A backend that answers at once, to measure everything but the model."""

from __future__ import annotations

from dgls.config import Settings
from dgls.fill.stop import StopToken
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, OnProgress

FACTORY = "dgls.lab.bench.instant:instant"
LONG_FACTORY = "dgls.lab.bench.instant:instant_line"
"""The values of `engine.backend` that select it, with a word and with `LINE`."""

LINE = "total = sum(item.price * item.count for item in basket if item.count)"


class InstantBackend:
    """Fills every gap with the same text, with full confidence and without delay."""

    def __init__(self, text: str = "value") -> None:
        self._text = text

    @property
    def name(self) -> str:
        """The model's name."""
        return "instant"

    @property
    def concurrency(self) -> int:
        """One fill at a time, as with a local model."""
        return 1

    def load(self, progress: OnProgress) -> None:
        """Nothing is loaded."""
        progress(1.0, "nothing to load")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """The same text for every gap, after one step."""
        stop.check()
        texts = tuple(self._text for _ in request.gaps)
        if on_draft is not None:
            on_draft(Draft(1, texts))
        return FillReply((Fill(texts, 0.0, 1.0),), self.name, steps=1)


def instant(settings: Settings) -> InstantBackend:
    """The backend for `engine.backend`."""
    return InstantBackend()


def instant_line(settings: Settings) -> InstantBackend:
    """The backend that fills with a whole line."""
    return InstantBackend(LINE)
