"""The engine's state: loading, ready or failed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace

from dgls import __version__
from dgls.checkpoint.store import models_folder
from dgls.errors import DglsError, EngineUnavailableError, ModelError, error_of_kind
from dgls.protocol import EngineState, Health

log = logging.getLogger(__name__)


class EngineStatus:
    """The engine's health. Written by the loading thread, read by all.

    `on_change` is called with every new health, from the thread that writes it.
    """

    def __init__(self, model: str, on_change: Callable[[Health], None] | None = None) -> None:
        self._on_change = on_change
        self._health = Health(
            EngineState.LOADING,
            model=model,
            version=__version__,
            pid=os.getpid(),
            models=str(models_folder()),
        )

    @property
    def health(self) -> Health:
        """A snapshot."""
        return self._health

    def loading(self, share: float, what: str) -> None:
        """Set the loading progress, 0..1, and the current task."""
        percent = round(100 * min(1.0, max(0.0, share)), 1)
        self._change(replace(self._health, percent=percent, message=what))

    def ready(
        self, model: str, *, device: str = "", languages: tuple[str, ...] = (), cores: int = 0
    ) -> None:
        """Set the state to ready, with the model's name, device, languages and cores."""
        about = replace(self._health, model=model, device=device, languages=languages, cores=cores)
        self._change(replace(about, state=EngineState.READY, percent=100.0, message=""))

    def failed(self, error: BaseException) -> DglsError:
        """Set the state to failed, and return the error to show."""
        shown = error if isinstance(error, DglsError) else self._unforeseen(error)
        kind = type(shown).__name__
        self._change(replace(self._health, state=EngineState.FAILED, message=str(shown), kind=kind))
        return shown

    def why_not_ready(self) -> DglsError:
        """The error for a fill that is not possible now."""
        health = self._health
        if health.state is EngineState.FAILED:
            return error_of_kind(health.kind, health.message)
        return EngineUnavailableError(
            f"The model is loading ({health.percent:.0f} %). Try again in a moment."
        )

    def _change(self, health: Health) -> None:
        self._health = health
        if self._on_change is not None:
            self._on_change(health)

    def _unforeseen(self, error: BaseException) -> ModelError:
        log.error("the model could not be loaded", exc_info=error)
        return ModelError(
            f"The model '{self._health.model}' could not be loaded ({type(error).__name__}); "
            "the engine's log says where."
        )
