"""The interface of backends: a model in this process, or a remote server."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, OnDraft, OnProgress


class Backend(Protocol):
    """The interface below the scheduler. Every method blocks.

    One thread loads; at most `concurrency` threads fill at once.
    """

    @property
    def name(self) -> str:
        """The model's name, as replies and the list of models show it."""

    @property
    def concurrency(self) -> int:
        """How many fills may run at once; 1 for a model that is not thread-safe."""

    def load(self, progress: OnProgress) -> None:
        """Prepare for fills. Raises `ModelError` if the model cannot be found or loaded."""

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the request's gaps. Raises `Stopped` if `stop` was set before the answer."""


@runtime_checkable
class OnDevice(Protocol):
    """A backend that knows the device of its model."""

    @property
    def device(self) -> str:
        """Such as "cpu" or "cuda:0"; empty before the model is loaded."""


@runtime_checkable
class OnCores(Protocol):
    """A backend whose model may run on the CPU."""

    @property
    def cores(self) -> int:
        """The number of CPU cores used; 0 on other devices, and before the model is loaded."""


@runtime_checkable
class Trained(Protocol):
    """A backend that knows the languages of its model's training."""

    @property
    def languages(self) -> tuple[str, ...]:
        """By the protocol's names; empty before the model is loaded, and if it reads all."""


def languages_of(backend: Backend) -> tuple[str, ...]:
    """The languages of a backend's model; empty if it reads all or the backend does not tell."""
    return backend.languages if isinstance(backend, Trained) else ()


def cores_of(backend: Backend) -> int:
    """The CPU cores of a backend's model; 0 on other devices, or if it does not tell."""
    return backend.cores if isinstance(backend, OnCores) else 0


def device_of(backend: Backend) -> str:
    """The device of a backend's model; "" if it does not tell."""
    return backend.device if isinstance(backend, OnDevice) else ""
