"""What the engine of the editors' tests was asked."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import InputError
from dgls.protocol import FillRequest


def last_request(folder: Path, backend: str) -> FillRequest | None:
    """What an engine of the backend filled last; None where there is none, or it filled nothing."""
    settings = changed(Settings(), {"engine.backend": backend, "engine.folder": str(folder)})

    async def asked() -> FillRequest | None:
        async with EngineClient(settings) as client:
            try:
                last = await client.last()
            except InputError:
                return None
            return None if last is None else last.request

    # The driver of a browser has an event loop of its own in the test's thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asked())).result()
