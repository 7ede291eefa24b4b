"""The client against misbehaving engines; `tests/engine` has the real ones."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.client.api import EngineApi
from dgls.client.connection import Connection, ConnectionLostError, ConnectionPool
from dgls.client.failures import Failures
from dgls.client.launch import last_words
from dgls.config import changed
from dgls.errors import EngineProtocolError, EngineUnavailableError, ModelNotFoundError
from dgls.protocol import FillRequest, Limits
from dgls.protocol_json import request_from_json
from dgls.rendezvous.endpoint import UnixAddress, endpoint_of
from tests.support.fake_engine import READY, REPLY, FakeEngine, response, settings_in


async def test_one_connection_serves_many_requests(folder: Path) -> None:
    async with FakeEngine(folder, lambda head, body: response(REPLY)) as engine:
        for _ in range(5):
            assert (await engine.client.fill(FillRequest(("a", "b")))).model == "fake"
        assert engine.connections == 1


async def test_a_request_arrives_whole(folder: Path) -> None:
    request = FillRequest(('é 😀\r\n\t\\"', "\x00 \u2028"), path="p", version=3, seed=7)
    async with FakeEngine(folder, lambda head, body: response(REPLY)) as engine:
        await engine.client.fill(request)
        head, _, body = engine.requests[-1].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/fill HTTP/1.1")
        assert request_from_json(body) == request


async def test_half_a_surrogate_pair_shifts_no_position(folder: Path) -> None:
    async with FakeEngine(folder, lambda head, body: response(REPLY)) as engine:
        await engine.client.fill(FillRequest(("a\ud83db", "")))
        body = engine.requests[-1].partition(b"\r\n\r\n")[2]
        assert request_from_json(body).parts == ("a?b", "")


async def test_a_request_over_the_limit_is_not_sent(folder: Path) -> None:
    async with FakeEngine(folder, lambda head, body: response(REPLY)) as engine:
        settings = changed(engine.settings, {"engine.max_request_bytes": 1000})
        async with EngineClient(settings) as client:
            with pytest.raises(EngineProtocolError, match="limit of 1000"):
                await client.fill(FillRequest(("x" * 1000, "")))
        assert not any(b"/v1/fill" in request for request in engine.requests)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="closes"),
        pytest.param(b"HTTP/1.1 200 x\r\ncontent-length: 99\r\n\r\nhalf", id="half a reply"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="not HTTP"),
    ],
)
async def test_an_engine_that_ends_during_a_fill_is_unavailable(
    folder: Path, answer: bytes | None
) -> None:
    class Closing(FakeEngine):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" /health " in head:
                writer.write(response(READY, headers="connection: close\r\n"))
            elif answer is not None:
                writer.write(answer)

    async with Closing(folder, lambda head, body: None) as engine:
        with pytest.raises(EngineUnavailableError, match="middle of a fill"):
            await engine.client.fill(FillRequest(("a", "b")))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"candidates": 3, "model": "m"}',
        b'{"model": 1}',
        b'{"candidates": [], "model": "m"}',
    ],
)
async def test_nonsense_is_a_protocol_error(folder: Path, body: bytes) -> None:
    async with FakeEngine(folder, lambda head, _: response(body)) as engine:
        with pytest.raises(EngineProtocolError):
            await engine.client.fill(FillRequest(("a", "b")))
        with pytest.raises(EngineProtocolError):
            await engine.client.fill(FillRequest(("a", "b")), on_draft=lambda draft: None)


async def test_a_reply_without_candidates_is_valid_only_if_none_were_requested(
    folder: Path,
) -> None:
    async with FakeEngine(folder, lambda *_: response(b'{"candidates":[],"model":"m"}')) as engine:
        nothing = FillRequest(("a", "b"), limits=Limits(candidates=0))
        assert (await engine.client.fill(nothing)).candidates == ()


async def test_an_error_is_raised_as_its_class(folder: Path) -> None:
    error = b'{"error": {"kind": "ModelNotFoundError", "message": "Nowhere."}}'
    async with FakeEngine(folder, lambda head, body: response(error, 500)) as engine:
        with pytest.raises(ModelNotFoundError, match="Nowhere"):
            await engine.client.fill(FillRequest(("a", "b")))


async def test_drafts_split_anywhere_are_reassembled(folder: Path) -> None:
    lines = b'{"step":1,"texts":["a"]}\n{"step":2,"texts":["ab"]}\n' + REPLY + b"\n"
    chunks = [lines[at : at + 7] for at in range(0, len(lines), 7)]
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    head = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n"
    seen: list[str] = []
    async with FakeEngine(folder, lambda *_: head + chunked) as engine:
        reply = await engine.client.fill(
            FillRequest(("a", "b")), lambda draft: seen.append(draft.texts[0])
        )
    assert seen == ["a", "ab"]
    assert reply.model == "fake"


async def test_cancelling_closes_the_connection(folder: Path) -> None:
    asked = asyncio.Event()

    def never(head: bytes, body: bytes) -> bytes:
        asked.set()
        return b""

    async with FakeEngine(folder, never) as engine:
        fill = asyncio.ensure_future(engine.client.fill(FillRequest(("a", "b"))))
        await asked.wait()
        fill.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fill
        await engine.gone.wait()


async def test_a_closed_connection_is_not_reused(folder: Path) -> None:
    async with FakeEngine(folder, lambda head, body: response(REPLY)) as engine:
        address = UnixAddress(endpoint_of(engine.settings).socket)
        pool = ConnectionPool()
        first = await pool.take(address)
        pool.give_back(first)
        assert await pool.take(address) is first
        first.abort()
        pool.give_back(first)
        second = await pool.take(address)
        assert second is not first
        second.abort()


async def test_without_a_listener_there_is_no_connection(folder: Path) -> None:
    with pytest.raises(ConnectionLostError):
        await Connection.open(UnixAddress(folder / "nothing"))
    with pytest.raises(ConnectionLostError):
        await EngineApi(endpoint_of(settings_in(folder))).health()


def test_three_failures_within_a_minute_end_the_retries() -> None:
    clock = [0.0]
    failures = Failures(lambda: clock[0])
    for clock[0] in (0.0, 10.0, 59.0):
        failures.check()
        failures.record("it fell over")
    with pytest.raises(
        EngineUnavailableError, match=r"3 times within a minute.*it fell over.* 1 s"
    ):
        failures.check()
    clock[0] = 60.5
    failures.check()
    failures.record("again")
    with pytest.raises(EngineUnavailableError):
        failures.check()
    clock[0] = 71.0
    failures.check()


def test_an_answer_between_failures_resets_their_count() -> None:
    failures = Failures(lambda: 0.0)
    for _ in range(20):
        failures.record("it was killed")
        failures.record("it was killed")
        failures.check()
        failures.forget()
    for _ in range(3):
        failures.record("it was killed")
    with pytest.raises(EngineUnavailableError):
        failures.check()


async def test_an_engine_that_sometimes_answers_is_asked_again(folder: Path) -> None:
    asked = itertools.count()

    def every_third(head: bytes, body: bytes) -> bytes | None:
        return response(REPLY) if next(asked) % 3 == 2 else None

    async with FakeEngine(folder, every_third) as engine:
        for _ in range(4):
            for _ in range(2):
                with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                    await engine.client.fill(FillRequest(("a", "b")))
            assert (await engine.client.fill(FillRequest(("a", "b")))).model == "fake"


def test_the_reported_cause_is_the_logs_last_line(folder: Path) -> None:
    log = folder / "log"
    assert last_words(log) == ""
    log.write_text("first\nlast\n\n")
    assert last_words(log) == "last"


def test_a_front_end_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "transformers", "httpx", "uvicorn", "starlette", "tree_sitter"}
    code = f"import sys, json, dgls.client; print(json.dumps(list({heavy!r} & {{*sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
