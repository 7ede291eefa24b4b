"""The front-end's side, against engines that misbehave; `tests/engine` has the real ones."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.client import client as client_module
from dgls.client.api import EngineApi
from dgls.client.connection import Connection, ConnectionLostError, ConnectionPool
from dgls.client.failures import Failures
from dgls.client.launch import last_words
from dgls.config import Settings, changed
from dgls.errors import EngineProtocolError, EngineUnavailableError, ModelNotFoundError
from dgls.file_lock import FileLock, is_held, owner
from dgls.files import write_private
from dgls.protocol import EngineState, Fill, FillReply, FillRequest, Health, Limits
from dgls.protocol_json import request_from_json, to_json
from dgls.rendezvous.endpoint import UnixAddress, absolute, endpoint_of
from dgls.rendezvous.runtime_folder import make_private

WAIT_S = 10.0
REPLY = to_json(FillReply((Fill(("x",), 0.0, 1.0),), "fake")).encode()
READY = to_json(Health(EngineState.READY, pid=1)).encode()
Answer = Callable[[bytes, bytes], bytes | None]
"""What a fake engine sends for a head and a body; None to close the connection instead."""


def response(body: bytes, status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


class FakeEngine:
    """Listens where the client looks for its engine, and answers as it is told."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.settings = changed(
            Settings(), {"engine.folder": str(folder), "engine.start_seconds": 0.5}
        )
        self.connections = 0
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()
        self._answer = answer
        self._conversations: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> FakeEngine:
        self.client = EngineClient(self.settings)
        path = endpoint_of(self.settings).socket
        self._server = await asyncio.start_unix_server(self._connected, str(path))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        self._server.close()
        await asyncio.gather(*self._conversations)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._conversations.append(conversation)
        await self._serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                answer = READY if b" /health " in head else self._answer(head, body)
                if answer is None:
                    break
                writer.write(response(answer) if answer is READY else answer)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        finally:
            self.gone.set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "e"
    folder.mkdir(mode=0o700)
    return folder


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


async def test_half_a_surrogate_pair_keeps_every_position(folder: Path) -> None:
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
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="no http"),
    ],
)
async def test_an_engine_that_ends_in_a_fill_is_unavailable(
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


async def test_a_reply_without_candidates_is_one_only_where_none_was_asked_for(
    folder: Path,
) -> None:
    async with FakeEngine(folder, lambda *_: response(b'{"candidates":[],"model":"m"}')) as engine:
        nothing = FillRequest(("a", "b"), limits=Limits(candidates=0))
        assert (await engine.client.fill(nothing)).candidates == ()


async def test_an_error_comes_back_as_its_class(folder: Path) -> None:
    error = b'{"error": {"kind": "ModelNotFoundError", "message": "Nowhere."}}'
    async with FakeEngine(folder, lambda head, body: response(error, 500)) as engine:
        with pytest.raises(ModelNotFoundError, match="Nowhere"):
            await engine.client.fill(FillRequest(("a", "b")))


async def test_drafts_cut_anywhere_are_put_together(folder: Path) -> None:
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


async def test_an_engine_that_never_answers_is_given_up(
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
# What an engine that is stuck or is none sends at first, and then again and again.
STUCK: dict[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "half a head": (b"HTTP/1.1 200 OK\r\ncont", b""),
    "a head that drips": (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "no body": (HEAD, b""),
    "half a body": (HEAD + b'{"candidates":', b""),
    "a body that drips": (HEAD, b" "),
    "chunks that drip": (CHUNKED, b"1\r\n \r\n"),
    "drafts without end": (CHUNKED, b'19\r\n{"step":1,"texts":["a"]}\n\r\n'),
    "interim answers": (b"", b"HTTP/1.1 102 x\r\n\r\n"),
}


@pytest.mark.parametrize("kind", STUCK)
@pytest.mark.parametrize("with_drafts", [False, True])
@pytest.mark.parametrize("health", ["answers", "is stuck too"])
async def test_an_engine_that_is_stuck_anywhere_is_given_up_and_asked_again_later(
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
            # Whoever was given up finds the connection closed.
            with contextlib.suppress(ConnectionError):
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


async def test_an_answer_without_end_fills_no_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgls.client.connection.LARGEST_ANSWER", 100_000)
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for on_draft in (None, lambda draft: None):
        async with FakeEngine(folder, lambda *_: CHUNKED + 3 * chunk) as engine:
            with pytest.raises(EngineProtocolError, match="over 100,000 bytes"):
                await engine.client.fill(FillRequest(("a", "b")), on_draft)


async def test_a_full_queue_is_waited_in(folder: Path) -> None:
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


async def test_a_connection_that_was_closed_meanwhile_is_not_used_again(folder: Path) -> None:
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


async def test_where_nobody_listens_there_is_no_connection(folder: Path) -> None:
    with pytest.raises(ConnectionLostError):
        await Connection.open(UnixAddress(folder / "nothing"))
    with pytest.raises(ConnectionLostError):
        await EngineApi(endpoint_of(settings_in(folder))).health()


def settings_in(folder: Path, **values: object) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), **values})


def test_three_failures_within_a_minute_are_enough() -> None:
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


def test_an_answer_between_failures_starts_their_count_anew() -> None:
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


async def test_an_engine_that_answers_now_and_then_is_asked_again(folder: Path) -> None:
    asked = itertools.count()

    def every_third(head: bytes, body: bytes) -> bytes | None:
        return response(REPLY) if next(asked) % 3 == 2 else None

    async with FakeEngine(folder, every_third) as engine:
        for _ in range(4):
            for _ in range(2):
                with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                    await engine.client.fill(FillRequest(("a", "b")))
            assert (await engine.client.fill(FillRequest(("a", "b")))).model == "fake"


def test_a_lock_has_one_holder_and_leaves_no_file(folder: Path) -> None:
    path = folder / "lock"
    assert not is_held(path)
    assert not path.exists()
    lock = FileLock.acquire(path)
    assert lock is not None
    assert FileLock.acquire(path) is None
    assert is_held(path)
    assert owner(path) is None
    lock.write_owner()
    assert owner(path) == os.getpid()
    lock.release()
    assert not is_held(path)
    assert not path.exists()


def test_a_lock_whose_file_was_replaced_leaves_the_new_one(folder: Path) -> None:
    path = folder / "lock"
    old = FileLock.acquire(path)
    path.unlink()
    new = FileLock.acquire(path)
    assert old is not None
    assert new is not None
    old.release()
    assert is_held(path)
    new.release()


def test_a_lock_that_is_handed_over_lives_as_long_as_the_child(folder: Path) -> None:
    path = folder / "lock"
    lock = FileLock.acquire(path)
    assert lock is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock.descriptor,)
    ) as child:
        lock.hand_over()
        assert is_held(path)
        child.kill()
    assert not is_held(path)


@pytest.mark.parametrize(
    ("values", "is_other"),
    [
        ({"model.name": "x"}, True),
        ({"model.device": "cuda"}, True),
        ({"model.threads": 3}, True),
        ({"engine.backend": "a:b"}, True),
        ({"engine.idle_seconds": 3}, False),
        ({"fill.candidates": 3}, False),
        ({"show.threshold": 0.9}, False),
    ],
)
def test_what_makes_another_engine(folder: Path, values: dict[str, object], is_other: bool) -> None:
    here = endpoint_of(settings_in(folder))
    assert (endpoint_of(settings_in(folder, **values)) != here) is is_other


@pytest.mark.parametrize(
    ("file", "named"), [("model.safetensors", "."), ("model.gguf", "model.gguf")]
)
def test_new_weights_are_another_engine(folder: Path, file: str, named: str) -> None:
    weights = folder / file
    weights.touch()
    settings = settings_in(folder, **{"model.name": str(folder / named)})
    before = endpoint_of(settings)
    assert endpoint_of(settings) == before
    os.utime(weights, ns=(1, 1))
    assert endpoint_of(settings) != before


def test_a_folder_is_named_in_full_for_an_engine_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "embedded").mkdir()
    (folder / "mine").mkdir()
    monkeypatch.chdir(folder)
    expected = {
        "./mine": str(folder / "mine"),
        "./missing": str(folder / "missing"),
        "embedded": "embedded",
        "google/name": "google/name",
    }
    for name, full in expected.items():
        assert absolute(changed(Settings(), {"model.name": name})).model.name == full


def test_a_folder_that_others_can_open_is_refused(folder: Path) -> None:
    make_private(folder)
    make_private(folder / "new" / "deep")
    for mode in (0o755, 0o701, 0o777):
        folder.chmod(mode)
        with pytest.raises(EngineUnavailableError, match="open to other users"):
            make_private(folder)
    link = folder / "link"
    link.symlink_to(folder / "new")
    with pytest.raises(EngineUnavailableError, match="a file or a link, not a folder"):
        make_private(link)
    (folder / "file").touch()
    with pytest.raises(EngineUnavailableError, match="cannot be made"):
        make_private(folder / "file" / "below")


async def test_no_engine_is_started_in_a_folder_that_others_can_open(folder: Path) -> None:
    folder.chmod(0o755)
    async with EngineClient(settings_in(folder)) as client:
        with pytest.raises(EngineUnavailableError, match="open to other users"):
            await client.wait_ready()
    assert list(folder.iterdir()) == []


def test_a_private_file_is_whole_and_the_users_alone(folder: Path) -> None:
    path = folder / "port"
    for text in ("first", "second é"):
        write_private(path, text)
        assert path.read_text(encoding="utf-8") == text
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"port": "x", "token": "t"}', "\x00"])
def test_a_port_file_that_is_none_is_no_address(folder: Path, text: str) -> None:
    settings = settings_in(folder / ("d" * 100))
    endpoint = endpoint_of(settings)
    assert not endpoint.has_unix_socket
    assert endpoint.address() is None
    make_private(endpoint.folder)
    endpoint.port.write_text(text)
    assert endpoint.address() is None


def test_the_last_words_are_the_logs_last_line(folder: Path) -> None:
    log = folder / "log"
    assert last_words(log) == ""
    log.write_text("first\nlast\n\n")
    assert last_words(log) == "last"


def test_a_front_end_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "transformers", "httpx", "uvicorn", "starlette", "tree_sitter"}
    code = f"import sys, json, dgls.client; print(json.dumps(list({heavy!r} & {{*sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
