"""The interface between the language server and the engine's client."""

from __future__ import annotations

from typing import Protocol

from dgls.protocol import FillReply, FillRequest, Health, OnProgress


class Engine(Protocol):
    """Fills gaps. Cancelling a call stops the fill."""

    async def wait_ready(self, on_progress: OnProgress | None = None) -> None:
        """Return when the model is ready. Raises `EngineError` or `ModelError` if it fails."""

    async def health(self) -> Health | None:
        """The engine's report on itself; None if none runs."""

    async def fill(self, request: FillRequest) -> FillReply:
        """One fill.

        Raises `Stopped` if a newer request superseded it, `EngineError` or `ModelError` if it
        failed.
        """

    async def close(self) -> None:
        """Close connections; the engine continues for other editors."""
