"""What fills gaps, whatever its family: the seam between the engine and the models."""

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
        """The languages it was trained on, by the protocol's names; empty if it reads all."""

    @property
    def joins(self) -> bool:
        """Whether fills of several threads share forward passes; else one fills at a time."""

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `Stopped` when `stop` was set before an answer."""


@runtime_checkable
class HasIdleWork(Protocol):
    """What has work that waits until nobody fills."""

    def use_pause(self, stop: StopToken) -> bool:
        """Do a tenth of a second's work for the next fill; False if there is nothing to do now.

        Raises `Stopped` soon after `stop` was set, because somebody wants a fill.
        """

    def use_idle_time(self) -> bool:
        """Do a second's work, such as a measurement; False once no work is left."""
