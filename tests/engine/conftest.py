"""Engines: one served in this process with a client for it, and real processes."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from dgls.client import EngineClient
from dgls.config import Settings
from tests.support.engines import ROOT, Connect
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


@pytest.fixture
def folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


@pytest.fixture
def connect() -> Connect:
    """Clients whose engines are stopped at the end of the test, however it ends."""

    @contextlib.asynccontextmanager
    async def connected(settings: Settings) -> AsyncIterator[EngineClient]:
        async with EngineClient(settings) as client:
            try:
                yield client
            finally:
                await client.stop_engine()

    return connected
