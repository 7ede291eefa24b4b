"""The requests to the engine of the editors' tests."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import InputError
from dgls.protocol import FillRequest


def last_request(folder: Path, backend: str) -> FillRequest | None:
    """The last fill of an engine with the backend; None without an engine or a fill."""
    settings = changed(Settings(), {"engine.backend": backend, "engine.folder": str(folder)})

    async def asked() -> FillRequest | None:
        async with EngineClient(settings) as client:
            try:
                last = await client.last()
            except InputError:
                return None
            return None if last is None else last.request

    # A browser's driver has its own event loop in the test's thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asked())).result()
