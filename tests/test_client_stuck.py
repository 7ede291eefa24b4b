"""The client of an engine that answers nothing, or without end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from dgls.client import EngineClient
from dgls.client import client as client_module
from dgls.client.connection import Connection
from dgls.errors import DglsError, EngineProtocolError, EngineUnavailableError
from dgls.file_lock import FileLock
from dgls.protocol import FillRequest, Limits
from dgls.rendezvous.endpoint import UnixAddress, endpoint_of
from tests.support.fake_engine import READY, REPLY, WAIT_S, FakeEngine, response, settings_in


async def test_the_client_gives_up_on_a_silent_engine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_HEALTH_S", 0.1)

    class Deaf(FakeEngine):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

    async with Deaf(folder, lambda head, body: None) as engine:
        endpoint = endpoint_of(engine.settings)
        lock = FileLock.acquire(endpoint.lock)
        assert lock is not None
        with pytest.raises(EngineUnavailableError, match="does not answer"):
            await engine.client.wait_ready()
        lock.release()


HEAD = b"HTTP/1.1 200 x\r\ncontent-length: 99999\r\n\r\n"


CHUNKED = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n"


# What a stuck or foreign engine sends at first, and then again and again.
STUCK: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a head": (b"HTTP/1.1 200 OK\r\ncont", b""),
    "a head that drips": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "no body": (HEAD, b""),
    "half a body": (HEAD + b'{"candidates":', b""),
    "a body that drips": (HEAD, b" "),
    "chunks that drip": (CHUNKED, b"1\r\n \r\n"),
    "endless drafts": (CHUNKED, b'19\r\n{"step":1,"texts":["a"]}\n\r\n'),
    "interim answers": (b"", b"HTTP/1.1 102 x\r\n\r\n"),
}


@pytest.mark.parametrize("kind", STUCK)
@pytest.mark.parametrize("with_drafts", [False, True])
@pytest.mark.parametrize("health", ["answers", "is stuck too"])
async def test_an_engine_stuck_anywhere_is_abandoned_and_retried_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str, with_drafts: bool, health: str
) -> None:
    monkeypatch.setattr(client_module, "GRACE_S", 0.1)
    monkeypatch.setattr(client_module, "_HEALTH_S", 0.1)
    first, again = STUCK[kind]
    is_stuck = True

    class Stuck(FakeEngine):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not is_stuck:
                await super()._serve(reader, writer)
                return
            head = await reader.readuntil(b"\r\n\r\n")
            if b" /health " in head and health == "answers":
                writer.write(response(READY, headers="connection: close\r\n"))
                return
            writer.write(first)
            while not reader.at_eof():
                writer.write(again)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(100_000), 0.02)

    request = FillRequest(("a", "b"), limits=Limits(deadline_ms=50.0))
    on_draft = (lambda draft: None) if with_drafts else None
    async with Stuck(folder, lambda head, body: response(REPLY)) as engine:
        lock = FileLock.acquire(endpoint_of(engine.settings).lock)
        assert lock is not None
        told = set()
        async with asyncio.timeout(WAIT_S):
            for _ in range(2):
                with pytest.raises(EngineUnavailableError) as error:
                    await engine.client.fill(request, on_draft)
                told.add(str(error.value))
            assert len(told) == 1
            assert "does not answer" in told.pop()
            is_stuck = False
            assert (await engine.client.fill(request)).model == "fake"
        lock.release()


async def test_an_endless_answer_fills_no_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgls.client.connection.LARGEST_ANSWER", 100_000)
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for on_draft in (None, lambda draft: None):
        async with FakeEngine(folder, lambda *_: CHUNKED + 3 * chunk) as engine:
            with pytest.raises(EngineProtocolError, match="exceeds 100,000 bytes"):
                await engine.client.fill(FillRequest(("a", "b")), on_draft)


async def test_the_client_waits_in_a_full_queue(folder: Path) -> None:
    path = folder / "s"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(str(path))
        server.listen(0)
        server.setblocking(False)
        for _ in range(9):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            if waiting.connect_ex(str(path)):
                break
        opening = asyncio.ensure_future(Connection.open(UnixAddress(path)))
        assert not (await asyncio.wait({opening}, timeout=0.1))[0]
        stack.enter_context(server.accept()[0])
        async with asyncio.timeout(WAIT_S):
            (await opening).abort()


class Deaf:
    """An engine that was ready once and no longer answers."""

    async def fill(self, request: object, on_draft: object = None) -> object:
        return await asyncio.Event().wait()

    async def health(self) -> object:
        return await asyncio.Event().wait()

    def close(self) -> None:
        pass


async def test_a_stuck_engine_is_abandoned_without_a_deadline_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "NO_DEADLINE_S", 0.1)
    monkeypatch.setattr(client_module, "_HEALTH_S", 0.1)
    settings = settings_in(folder, **{"engine.start_seconds": 0.3})
    lock = FileLock.acquire(endpoint_of(settings).lock)
    assert lock is not None
    client = EngineClient(settings)
    client._api = Deaf()  # type: ignore[assignment]
    client._is_ready = True
    told = set()
    for _ in range(2):
        async with asyncio.timeout(5):
            with pytest.raises(DglsError) as error:
                await client.fill(FillRequest(("a", "b")))
        told.add(str(error.value))
    assert len(told) == 1
    assert "dgls serve --stop" in told.pop()
    lock.release()


async def test_a_busy_engine_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "NO_DEADLINE_S", 0.05)

    class Busy(Deaf):
        async def fill(self, request: object, on_draft: object = None) -> object:
            await asyncio.sleep(0.3)
            return "answer"

        async def health(self) -> object:
            return SimpleNamespace(state="ready")

    client = EngineClient(settings_in(folder))
    client._api = Busy()  # type: ignore[assignment]
    client._is_ready = True
    assert await client.fill(FillRequest(("a", "b"))) == "answer"  # type: ignore[comparison-overlap]
