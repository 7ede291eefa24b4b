"""What runs a fill: a model in this process, or a server elsewhere."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, OnDraft, OnProgress


class Backend(Protocol):
    """The seam below the scheduler. Every method blocks.

    The process loads in one thread and fills in at most `concurrency` at once.
    """

    @property
    def name(self) -> str:
        """The model's name, as replies and the list of models show it."""

    @property
    def concurrency(self) -> int:
        """How many fills may run at once; 1 for a model that one thread alone may use."""

    def load(self, progress: OnProgress) -> None:
        """Make ready to fill. Raises `ModelError` where the model cannot be found or loaded."""

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `Stopped` when `stop` was set before an answer."""


@runtime_checkable
class OnDevice(Protocol):
    """A backend that knows where its model runs."""

    @property
    def device(self) -> str:
        """Such as "cpu" or "cuda:0"; empty before the model is loaded."""


@runtime_checkable
class OnCores(Protocol):
    """A backend whose model may run on the CPU."""

    @property
    def cores(self) -> int:
        """How many cores it takes; 0 elsewhere, and before the model is loaded."""


@runtime_checkable
class Trained(Protocol):
    """A backend that knows what its model was trained on."""

    @property
    def languages(self) -> tuple[str, ...]:
        """By the protocol's names; empty before the model is loaded, and where it reads all."""


def languages_of(backend: Backend) -> tuple[str, ...]:
    """What a backend's model was trained on, empty where it reads all or does not say."""
    return backend.languages if isinstance(backend, Trained) else ()


def cores_of(backend: Backend) -> int:
    """How many CPU cores a backend's model takes, 0 elsewhere and where it does not say."""
    return backend.cores if isinstance(backend, OnCores) else 0


def device_of(backend: Backend) -> str:
    """Where a backend's model runs, empty where it does not say."""
    return backend.device if isinstance(backend, OnDevice) else ""
