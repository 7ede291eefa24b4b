"""The models beside the one for typing, each in its own engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from dgls.config import Settings
from dgls.lsp.engine import Engine
from dgls.lsp.indicator import Indicator
from dgls.lsp.progress import Window
from dgls.lsp.shared_model import SharedModel


class OtherModels:
    """One model for each use, connected on first use.

    `spawn` runs the closing of a model whose settings have changed. The status line is about the
    model for typing, so these report nothing there.
    """

    def __init__(
        self,
        open_engine: Callable[[Settings], Engine],
        window: Window,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._open_engine = open_engine
        self._window = window
        self._spawn = spawn
        self._models: dict[str, tuple[Settings, SharedModel]] = {}

    def get(self, use: str, settings: Settings) -> SharedModel:
        """The model for a use, such as "edit", with these settings."""
        old = self._models.get(use)
        if old is not None and same_engine(old[0], settings):
            return old[1]
        model = SharedModel(
            lambda: self._open_engine(settings), self._window, Indicator(lambda report: None)
        )
        self._models[use] = settings, model
        if old is not None:
            self._spawn(old[1].close())
        return model

    async def close(self) -> None:
        """Close their engines' clients."""
        for _, model in self._models.values():
            await model.close()


def same_engine(one: Settings, other: Settings) -> bool:
    """Whether both settings mean the same engine and the same requests."""
    return _of_engine(one) == _of_engine(other)


def _of_engine(settings: Settings) -> tuple[object, ...]:
    return settings.model, settings.engine, settings.remote, settings.denoise
