"""An engine with bad neighbours: unfinished heads, many connections, errors, wild numbers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dgls.engine import connections, log
from dgls.engine.connections import ConnectionLimiter
from dgls.engine.log import FrugalHandler
from dgls.engine.scheduler import Scheduler
from dgls.engine.service import Service
from dgls.engine.status import EngineStatus
from dgls.engine.worker import ModelThreads
from dgls.errors import EngineBusyError
from dgls.protocol import FillRequest
from dgls.rendezvous.endpoint import endpoint_of
from tests.support.backends import ScriptedBackend
from tests.support.engines import ROOT, WAIT_S, Connect, engine_settings
from tests.support.served import ServedEngine

HALF_HEADS = [b"", b"P", b"POST /v1/fill HTTP/1.1\r\nhost: x\r\nconte"]


@pytest.mark.parametrize("half", HALF_HEADS)
async def test_half_a_head_times_out(
    engine: ServedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(half)
    async with asyncio.timeout(WAIT_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_slowly_dripping_head_times_out(
    engine: ServedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))

    async def drip() -> None:
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.05)

    dripping = asyncio.ensure_future(drip())
    async with asyncio.timeout(WAIT_S):
        assert b" 408 " in await reader.read()
    dripping.cancel()
    writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\na: " + b"b" * 60_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\na: " + b"b" * 17_000 + b"\r\n\r\n",
        b"GET /health?" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"x" * 300_000,
    ],
    ids=["many headers", "a long header", "a little too long", "a long address", "no end"],
)
async def test_a_huge_head_is_refused(engine: ServedEngine, tmp_path: Path, head: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    writer.write(head)
    async with asyncio.timeout(WAIT_S):
        with contextlib.suppress(ConnectionError):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize(
    "asked", ["GET /metrics", "GET /health", "GET /v1/models", "GET /", "GET /nothing"]
)
async def test_an_unread_answer_times_out(
    engine: ServedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setattr(connections, "UNREAD_S", 0.05)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "s"))
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(f"{asked} HTTP/1.1\r\nhost: x\r\n\r\n".encode() * 100)
        async with asyncio.timeout(WAIT_S):
            while not engine.server.server_state.connections:
                await asyncio.sleep(0.01)
            while engine.server.server_state.connections:
                await asyncio.sleep(0.01)


async def test_a_connection_may_be_idle_after_a_request(
    engine: ServedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.1)
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
    for _ in range(2):
        writer.write(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"}")
        await asyncio.sleep(0.3)
    writer.close()


class Visitor:
    """A connection of a source for a limiter; it is idle, or has a request in progress."""

    def __init__(self, limiter: ConnectionLimiter, source: str, is_waiting: bool = False) -> None:
        self.is_waiting = is_waiting
        self.is_in = limiter.enter(source, self)
        self._leave = lambda: limiter.leave(source, self)

    def drop(self) -> None:
        self.is_in = False
        self._leave()


def test_no_source_holds_more_than_half_of_the_connections() -> None:
    limiter = ConnectionLimiter(most=8)
    busy = [Visitor(limiter, "process 1") for _ in range(5)]
    assert [each.is_in for each in busy] == [True] * 4 + [False]
    assert Visitor(limiter, "process 2").is_in
    busy[0].drop()
    assert Visitor(limiter, "process 1", is_waiting=True).is_in
    assert [Visitor(limiter, "process 1", is_waiting=True).is_in for _ in range(3)] == [True] * 3
    assert [each.is_in for each in busy] == [False] + [True] * 3 + [False]


def test_a_refused_client_leaves_nothing() -> None:
    limiter = ConnectionLimiter(most=2)
    assert Visitor(limiter, "process 1").is_in
    assert Visitor(limiter, "process 2").is_in
    assert not any(Visitor(limiter, f"process {number}").is_in for number in range(3, 50))
    assert len(limiter._held) == 2


@pytest.mark.parametrize("is_waiting", [True, False])
@pytest.mark.parametrize("neighbours", [1, 2, 3, 7])
def test_the_source_with_most_connections_makes_room(neighbours: int, is_waiting: bool) -> None:
    limiter = ConnectionLimiter(most=16)
    many = [
        Visitor(limiter, f"process {number % neighbours}", is_waiting) for number in range(3 * 16)
    ]
    held = sum(each.is_in for each in many)
    assert held == (8 if neighbours == 1 else 16)
    editors = [Visitor(limiter, "editor") for _ in range(2)]
    assert [each.is_in for each in editors] == [True, True]
    assert sum(each.is_in for each in many) == (8 if neighbours == 1 else 14)
    for each in [*many, *editors]:
        if each.is_in:
            each.drop()
    assert Visitor(limiter, "late").is_in


def test_a_neighbour_with_many_requests_does_not_block_others() -> None:
    service = Service(EngineStatus("x"), lambda: None, 1000, max_requests=64)
    held = [service.admitted("127.0.0.1") for _ in range(64)]
    for each in held:
        each.__enter__()
    with pytest.raises(EngineBusyError), service.admitted("127.0.0.1"):
        pass
    with service.admitted("process 7"), service.admitted("process 7"):
        assert service.requests == 66
    for each in held:
        each.__exit__(None, None, None)
    assert service.requests == 0


async def test_a_client_with_no_waiting_request_is_admitted_to_a_full_queue() -> None:
    thread, backend = ModelThreads(), ScriptedBackend()
    scheduler = Scheduler(backend, thread, max_waiting=2)

    def asked(client: str, number: int) -> asyncio.Task[Any]:
        path = f"{number}.py" if number else "forever.py"
        request = FillRequest(("x", ""), path=path, client=client)
        return asyncio.ensure_future(scheduler.fill(request))

    tasks = [asked("many", number) for number in range(3)]
    await asyncio.sleep(0.05)
    with pytest.raises(EngineBusyError):
        await asked("many", 4)
    tasks.append(asked("editor", 1))
    await asyncio.sleep(0.05)
    assert scheduler.waiting == 3
    scheduler.stop_all("the test ends")
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(thread.close, WAIT_S)


def record(line: int, message: str = "no descriptors") -> logging.LogRecord:
    return logging.LogRecord("asyncio", logging.ERROR, "a.py", line, message, (), None)


def test_repeated_errors_are_counted_instead_of_logged() -> None:
    now = [0.0]
    stream = io.StringIO()
    handler = FrugalHandler(stream, clock=lambda: now[0])
    for _ in range(1000):
        handler.emit(record(1))
        handler.emit(record(2))
    assert len(stream.getvalue().splitlines()) == 2 * (log.OFTEN + 1)
    now[0] = log.WINDOW_S + 1
    handler.emit(record(1))
    assert f"{1000 - log.OFTEN} more times" in stream.getvalue()


def test_a_log_has_a_maximum_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LARGEST_BYTES", 2000)
    with (tmp_path / "log").open("a") as stream:
        handler = FrugalHandler(stream)
        for number in range(500):
            handler.emit(record(number, "x" * 100))
    assert (tmp_path / "log").stat().st_size < 3000
    assert "was emptied" in (tmp_path / "log").read_text()


NEIGHBOUR = """
import contextlib, socket, sys, time
first, hold = sys.argv[2].encode().decode("unicode_escape").encode("latin-1"), int(sys.argv[3])
held = []
print("begun", flush=True)
while True:
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(1)
    with contextlib.suppress(OSError):
        one.connect(sys.argv[1])
        one.sendall(first)
        held.append(one)
    for each in held[: len(held) - hold]:
        each.close()
    del held[: len(held) - hold]
    if hold:
        time.sleep(0.002)
"""
EDITOR = """
import asyncio, json, sys, time
from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.protocol import FillRequest
async def main():
    async with EngineClient(changed(Settings(), json.loads(sys.argv[1]))) as client:
        began = time.monotonic()
        print((await client.fill(FillRequest(("x = ", ""), path="a.py"))).model)
        print(f"{time.monotonic() - began:.1f} s")
asyncio.run(main())
"""
REQUEST = r"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
BODY = r"POST /v1/fill HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"
# What each neighbour sends on each connection, and how many it holds.
NEIGHBOURS = {
    "idle": ("", 400),
    "half heads": ("POST /v1/fi", 400),
    "half bodies": (BODY, 400),
    "asked once": (REQUEST, 400),
    "many at once": (REQUEST * 500, 100),
    "come and go": (REQUEST, 0),
    "huge heads": (r"GET / HTTP/1.1\r\n" + r"a: b\r\n" * 5_000 + r"\r\n", 0),
    "another protocol": (r"\x16\x03\x01\x02\x00\x01\r\n\r\n", 0),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEIGHBOURS)
async def test_two_bad_neighbours_do_not_block_another_process(
    folder: Path, connect: Connect, kind: str
) -> None:
    settings = engine_settings(folder)
    own = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with connect(settings) as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, own[1]), own[1]))
        await client.wait_ready()
        resource.setrlimit(resource.RLIMIT_NOFILE, own)
        first, hold = NEIGHBOURS[kind]
        neighbours = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", NEIGHBOUR),
                *(str(client.endpoint.socket), first, str(hold)),
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        try:
            for each in neighbours:
                assert each.stdout is not None
                await each.stdout.readline()
            await asyncio.sleep(1)
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", EDITOR, json.dumps(settings.flat())],
                capture_output=True,
                text=True,
                timeout=WAIT_S,
                cwd=ROOT,
            )
        finally:
            for each in neighbours:
                each.kill()
                await each.wait()
    said = done.stdout.split()
    assert said[:1] == ["scripted"], done.stderr
    assert float(said[1]) < 6.0
    log_file = endpoint_of(settings).log
    assert not log_file.exists() or log_file.stat().st_size < 10_000
