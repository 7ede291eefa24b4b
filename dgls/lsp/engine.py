"""The narrow seam between the language server and whatever fills gaps: the engine's client."""

from __future__ import annotations

from typing import Protocol

from dgls.protocol import FillReply, FillRequest, Health, OnProgress


class Engine(Protocol):
    """Fills gaps. Cancelling a call stops the fill."""

    async def wait_ready(self, on_progress: OnProgress | None = None) -> None:
        """Return when the model can be asked. Raises `EngineError` or `ModelError` if it cannot."""

    async def health(self) -> Health | None:
        """What the engine says of itself, None where there is none."""

    async def fill(self, request: FillRequest) -> FillReply:
        """One fill. Raises `Stopped` where a newer request took its place, `EngineError` or
        `ModelError` where it failed."""

    async def close(self) -> None:
        """Let go of connections; the engine goes on for other editors."""
