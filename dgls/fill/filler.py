"""The interface between the engine and the models: fills gaps, whatever the model family."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, OnDraft


class Filler(Protocol):
    """One loaded model that fills gaps."""

    @property
    def name(self) -> str:
        """The model's name, as replies show it."""

    @property
    def device(self) -> str:
        """Where it runs, such as "cpu" or "cuda:0"."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it was trained on, by the protocol's names; empty means all."""

    @property
    def joins(self) -> bool:
        """Whether fills of several threads share forward passes; if not, one runs at a time."""

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `Stopped` if `stop` was set before the answer."""


@runtime_checkable
class HasIdleWork(Protocol):
    """A filler with work that waits until no fill is running."""

    def use_pause(self, stop: StopToken) -> bool:
        """Do about a tenth of a second of work for the next fill; False if there is none.

        Raises `Stopped` soon after `stop` is set, because a fill is waiting.
        """

    def use_idle_time(self) -> bool:
        """Do about a second of work, such as a measurement; False once no work is left."""
