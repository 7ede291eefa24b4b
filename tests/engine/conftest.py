"""An engine on a Unix socket, and a client for it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.served import WAIT_S, ServedEngine


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[ServedEngine]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    engine = ServedEngine(listener)
    engine.ready()
    yield engine
    await engine.end()


@pytest.fixture
async def http(engine: ServedEngine, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(verify=False, uds=str(tmp_path / "s"))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", timeout=WAIT_S
    ) as client:
        yield client
