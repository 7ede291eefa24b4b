"""Messages out of order, out of shape and out of bounds; one file by many names; live settings."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dgls.config import DECLARED
from dgls.counts import counts_file
from dgls.errors import ModelNotFoundError
from dgls.lsp.convert import key_of, path_of
from dgls.lsp.documents import Document
from dgls.lsp.fills import AHEAD_AFTER_S
from dgls.lsp.jsonrpc.inbox import Inbox
from dgls.lsp.jsonrpc.messages import LARGEST_BYTES, Message
from dgls.lsp.jsonrpc.transport import serve_tcp_once
from dgls.lsp.main import build
from dgls.requests import neighbours
from tests.lsp.session import (
    PATIENCE_S,
    URI,
    ScriptedFiller,
    Session,
    initialize_params,
    initialized,
    place,
    reply,
    until,
)


class Raw:
    """A client that sends what it likes and reads whole messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, message: object) -> None:
        self.send_body(json.dumps(message).encode())

    def send_body(self, body: bytes) -> None:
        self.writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def request(self, number: int, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    async def answer(self, number: int | None) -> dict[str, Any]:
        """The next answer to a request; what comes before it is passed over."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
                message = json.loads(await self.reader.readexactly(length))
                if "method" not in message and message.get("id") == number:
                    return message

    async def begin(self) -> None:
        self.request(1, "initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        await self.answer(1)
        self.notify("initialized", {})


@asynccontextmanager
async def listening(filler: ScriptedFiller) -> AsyncIterator[tuple[Any, int]]:
    """A server that waits for its client on a port."""
    server = build(lambda settings: filler)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve_tcp_once(server, "127.0.0.1", 0, port))
    try:
        yield server, await port
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def raw(filler: ScriptedFiller) -> AsyncIterator[Raw]:
    async with listening(filler) as (_, port):
        client = Raw(*await asyncio.open_connection("127.0.0.1", port))
        yield client
        client.writer.close()


async def test_after_shutdown_requests_are_refused_and_notifications_left_alone(raw: Raw) -> None:
    await raw.begin()
    raw.request(2, "shutdown")
    assert (await raw.answer(2))["result"] is None
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    late = ["shutdown", "textDocument/codeAction", "x/y", "initialize", "$/x", "initialized"]
    late += ["codeAction/resolve", "workspace/executeCommand", "textDocument/inlineCompletion"]
    for number, method in enumerate(late, 3):
        raw.request(number, method, {})
        assert (await raw.answer(number))["error"]["code"] == -32600
    raw.notify("exit")
    async with asyncio.timeout(PATIENCE_S):
        assert await raw.reader.read() == b""


SLOW_EDIT_S = 0.2
SLOW_EDITS = 100


@pytest.mark.parametrize("end", ["shutdown, exit", "exit"])
async def test_the_end_is_not_kept_waiting_by_edits_and_every_request_has_its_answer(
    filler: ScriptedFiller, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document of 20 MB costs as much an edit; the client does not wait for each."""
    async with listening(filler) as (server, port):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await raw.begin()
        change = server.documents.change
        handled: list[int] = []

        def slowly(*args: Any) -> Any:
            handled.append(1)
            time.sleep(SLOW_EDIT_S)
            return change(*args)

        monkeypatch.setattr(server.documents, "change", slowly)
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "x"}
        raw.notify("textDocument/didOpen", {"textDocument": item})
        for version in range(2, 2 + SLOW_EDITS):
            document = {"uri": URI, "version": version}
            raw.notify(
                "textDocument/didChange",
                {"textDocument": document, "contentChanges": [{"text": "y"}]},
            )
        raw.request(2, "x/y", {})
        begun = time.monotonic()
        if "shutdown" in end:
            raw.request(3, "shutdown")
            raw.request(4, "x/y", {})
        raw.notify("exit")

        assert (await raw.answer(2))["error"]["code"] == -32800
        if "shutdown" in end:
            assert (await raw.answer(3))["result"] is None
            assert (await raw.answer(4))["error"]["code"] == -32600
        async with asyncio.timeout(PATIENCE_S):
            assert await raw.reader.read() == b""
        assert time.monotonic() - begun < SLOW_EDIT_S * SLOW_EDITS / 4
        assert len(handled) < SLOW_EDITS / 4
        raw.writer.close()


@pytest.mark.parametrize(
    ("came", "status"),
    [
        (["exit"], [1]),
        (["initialize", "shutdown", "exit"], [0]),
        (["shutdown", "initialize", "exit"], [1]),
        (["initialize", "shutdown"], []),
    ],
)
async def test_exit_is_known_before_anything_is_handled(came: list[str], status: list[int]) -> None:
    ended: list[int] = []
    inbox = Inbox(on_exit=ended.append)
    bodies = [b'{"jsonrpc": "2.0", "id": 1, "method": "%s"}' % each.encode() for each in came]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(each), each) for each in bodies)
    # A thread may read any piece of it at a time.
    threads = [threading.Thread(target=inbox.feed, args=(bytes([each]),)) for each in sent]
    for thread in threads:
        thread.start()
        thread.join()
    assert ended == status
    inbox.close()
    handed = [message async for message in _all(inbox)]
    assert [message["method"] for message in handed if isinstance(message, dict)] == came


async def test_a_shutdown_before_initialize_ends_nothing(raw: Raw) -> None:
    raw.request(1, "shutdown")
    raw.request(2, "initialize", {"processId": None, "rootUri": None, "capabilities": {}})
    raw.notify("initialized", {})
    raw.request(3, "x/y", {})
    assert (await raw.answer(1))["error"]["code"] == -32002
    assert "result" in await raw.answer(2)
    assert (await raw.answer(3))["error"]["code"] != -32800


async def _all(inbox: Inbox) -> AsyncIterator[Message]:
    while (message := await inbox.next()) is not None:
        yield message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff\xfe{}", -32700),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "x"', -32700),
        (b"[" * 100_000, -32700),
        (b"1" * 10_000, -32700),
        (b"[]", -32600),
        (b"3", -32600),
        (b"null", -32600),
        (b'{"id": 7}', -32600),
        (b'{"jsonrpc": "1.0", "id": 7, "method": "x"}', -32600),
        (b'[{"jsonrpc": "2.0", "id": 7, "method": "shutdown"}]', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1%s, "method": "shutdown"}' % (b"0" * 400), -32600),
        (b'{"jsonrpc": "2.0", "method": ["shutdown"]}', -32600),
        (b'{"jsonrpc": "2.0", "method": ""}', -32600),
        (b'{"jsonrpc": "2.0", "result": 1, "id": {}}', -32600),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_what_is_no_message_is_answered_and_the_session_goes_on(
    raw: Raw, body: bytes, code: int
) -> None:
    await raw.begin()
    raw.send_body(body)
    told = await raw.answer(None)
    assert told["error"]["code"] == code
    # JSON-RPC wants it to be there.
    assert told["id"] is None
    raw.request(9, "shutdown")
    assert (await raw.answer(9))["result"] is None


@pytest.mark.parametrize("method", [5, None, ["shutdown"], {"a": 1}, "", True])
async def test_a_request_without_a_usable_method_is_answered_by_its_id(
    raw: Raw, method: object
) -> None:
    await raw.begin()
    raw.request(7, method)  # type: ignore[arg-type]
    assert (await raw.answer(7))["error"]["code"] == -32600
    raw.request(9, "shutdown")
    assert (await raw.answer(9))["result"] is None


@pytest.mark.parametrize("length", [99_999_999_999_999, LARGEST_BYTES + 1, 10**19])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"jsonrpc": "2.0"}\r\n', b"x" * 200_000])
async def test_a_message_beyond_all_bounds_is_refused_and_the_session_goes_on(
    raw: Raw, length: int, body: bytes
) -> None:
    await raw.begin()
    raw.writer.write(b"Content-Length: %d\r\n\r\n%s" % (length, body))
    assert (await raw.answer(None))["error"]["code"] == -32600
    raw.request(9, "shutdown")
    assert (await raw.answer(9))["result"] is None


@pytest.mark.parametrize(
    "head",
    [
        b"content-length:%d\r\n\r\n",
        b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
        b"Content-Type: x\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: -5\r\n\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: many\r\n\r\nContent-Length: %d\r\n\r\n",
    ],
)
async def test_heads_are_read_generously(raw: Raw, head: bytes) -> None:
    await raw.begin()
    body = b'{"jsonrpc": "2.0", "id": 9, "method": "shutdown"}'
    raw.writer.write(head % len(body) + body)
    assert (await raw.answer(9))["result"] is None


@pytest.mark.parametrize(
    "first",
    [
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nOrigin: http://evil.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"SSH-2.0-x\r\n",
        b"POST / HTTP/1.0\r\n\r\nhello",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b'{"jsonrpc": "2.0", "id": 1, "method": "initialize"}\n',
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 2\r\n\r\n{}",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 99999999999999\r\n\r\n",
        b"content-length: 5\r\nPOST / HTTP/1.1\r\n\r\nhello",
        # What waits on, and is given up later.
        b"",
        b"\n",
        b"\0",
        b"GET /\r\n",
        b"\r\n\r\n",
        b"Content-Le",
        b"Content-Length: 100\r\n\r\n{",
        b"Content-Type: x\r\n\r\n",
    ],
)
async def test_what_is_no_editor_does_not_take_its_place(
    filler: ScriptedFiller, first: bytes
) -> None:
    async with listening(filler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(first)
        if len(first) > 20 and not first.endswith((b"{", b"x\r\n\r\n")):
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read() == b""
        editor = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await editor.begin()
        editor.request(2, "shutdown")
        assert "result" in await editor.answer(2)
        writer.close()
        editor.writer.close()


@pytest.mark.parametrize(
    ("item", "reads"),
    [
        ({"version": None}, True),
        ({"version": ...}, True),
        ({"languageId": "Python"}, True),
        ({"languageId": "PY"}, True),
        ({"languageId": None}, True),
        ({"languageId": ""}, True),
        ({"languageId": "golang"}, True),
        ({"languageId": "js"}, True),
        ({"languageId": "py3"}, True),
        ({"languageId": "Python3.12"}, True),
        ({"languageId": "python-ts-mode"}, True),
        ({"languageId": "javascript.jsx"}, True),
        ({"languageId": "django"}, True),
        ({"languageId": 5}, True),
        ({"languageId": ["python"]}, True),
        ({"version": "new"}, True),
        ({"version": 2**40}, True),
        ({"version": True}, True),
        ({"languageId": "plaintext"}, False),
        ({"languageId": "Plain Text"}, False),
    ],
)
async def test_a_document_is_read_whatever_its_editor_leaves_out(
    raw: Raw, filler: ScriptedFiller, item: dict[str, Any], reads: bool
) -> None:
    filler.answer = lambda request: reply("yes()")
    await raw.begin()
    document = {"uri": "file:///p/a.py", "languageId": "python", "version": 1, "text": "x = \n"}
    document = {k: v for k, v in {**document, **item}.items() if v is not ...}
    raw.notify("textDocument/didOpen", {"textDocument": document})
    asked = {
        "textDocument": {"uri": "file:///p/a.py"},
        "position": {"line": 0, "character": 4},
        "context": {"triggerKind": 1},
    }
    raw.request(3, "textDocument/inlineCompletion", asked)
    assert bool((await raw.answer(3))["result"]) is reads
    change = {"text": "yy = \n"}
    version = {"version": None} if item.get("version", 1) is None else {"version": 2}
    identifier = {"uri": "file:///p/a.py", **version}
    raw.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})
    raw.request(
        4, "textDocument/inlineCompletion", {**asked, "position": {"line": 0, "character": 5}}
    )
    assert bool((await raw.answer(4))["result"]) is reads
    assert not reads or filler.requests[-1].parts[0] == "yy = "


async def test_a_whole_text_before_an_open_and_a_second_open_are_taken_in(session: Session) -> None:
    documents = session.server.documents
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=3)
    whole = types.TextDocumentContentChangeWholeDocument(text="x = 1\n")
    part = types.TextDocumentContentChangePartial(
        range=types.Range(start=place(0, 0), end=place(0, 0)), text="y"
    )
    params = types.DidChangeTextDocumentParams
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[part])
    )
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[whole])
    )
    await until(lambda: documents.get(URI) is not None)
    found = documents.get(URI)
    assert found is not None
    assert (found.text, found.version, found.source is None) == ("x = 1\n", 3, False)
    await session.open("z = 2\n")
    await until(lambda: documents.now[URI].text == "z = 2\n")
    documents.close(URI)
    session.client.text_document_did_change(
        params(text_document=identifier, content_changes=[part, whole, part])
    )
    await until(lambda: documents.get(URI) is not None)
    assert documents.now[URI].text == "yx = 1\n"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"range": None, "text": "y = \n"}, "y = \n"),
        ({"range": None, "rangeLength": None, "text": "y = \n"}, "y = \n"),
        ({"rangeLength": 4, "text": "y = \n"}, "y = \n"),
        ({"rangeLength": -1, "range": [0, 0, 0, 1], "text": "y"}, "y = 😀\n"),
        ({"rangeLength": "all", "range": [0, 4, 0, 6], "text": "1"}, "x = 1\n"),
        # Half of a character of two units, and places that the text does not have.
        ({"range": [0, 4, 0, 5], "text": "1"}, "x = 1😀\n"),
        ({"range": [0, 5, 0, 6], "text": "1"}, "x = 1\n"),
        ({"range": [0, 4, 9, 9], "text": "1"}, "x = 1"),
        ({"range": [7, 0, 9, 9], "text": "1"}, "x = 😀\n1"),
        ({"range": [0, 99, 0, 4], "text": "1"}, "x = 1\n"),
    ],
)
@pytest.mark.parametrize("version", [2, 1, -5, None])
async def test_a_change_is_taken_in_whatever_it_leaves_out(
    filler: ScriptedFiller, change: dict[str, Any], text: str, version: int | None
) -> None:
    if isinstance(change.get("range"), list):
        line, column, end_line, end_column = change["range"]
        start = {"line": line, "character": column}
        end = {"line": end_line, "character": end_column}
        change = {**change, "range": {"start": start, "end": end}}
    async with listening(filler) as (server, port):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await raw.begin()
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = 😀\n"}
        raw.notify("textDocument/didOpen", {"textDocument": item})
        document = {"uri": URI, "version": version}
        raw.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})
        raw.request(2, "x/y", {})
        await raw.answer(2)
        found = server.documents.get(URI)
        assert (found.text, found.source.text) == (text, text)
        raw.writer.close()


WILD = [-1, 1e400, float("nan"), 1.5, True, "0", None, [], {}, 2**31, 10**30, "x"]
START = {"line": 0, "character": 0}
OWN: dict[str, Callable[[Any], object]] = {
    "dgls/cursor": lambda wild: {"textDocument": {"uri": URI}, "position": wild},
    "dgls/cursor ": lambda wild: {"textDocument": {"uri": wild}, "position": START},
    "textDocument/copilotInlineEdit": lambda wild: {
        "textDocument": {"uri": URI},
        "position": {"line": wild, "character": 0},
    },
    "textDocument/copilotInlineEdit ": lambda wild: {
        "textDocument": {"uri": wild},
        "position": START,
    },
    "dgls.why": lambda wild: [URI, {"line": 0, "character": wild}],
    "dgls.why ": lambda wild: [wild, START],
    "dgls.edit": lambda wild: [URI, {"start": {**START, "line": wild}, "end": START}, "do"],
    "dgls.edit ": lambda wild: [URI, {"start": START, "end": START}, wild],
    "dgls.snooze": lambda wild: [wild],
    "codeAction/resolve": lambda wild: {
        "title": "x",
        "data": {"kind": "x", "uri": URI, "version": 1, "span": [wild, wild]},
    },
    "codeAction/resolve ": lambda wild: {
        "title": "x",
        "data": {"kind": wild, "uri": wild, "version": wild, "span": [0, 1], "strength": wild},
    },
}


@pytest.mark.parametrize("method", OWN)
async def test_a_wild_parameter_of_dglss_own_methods_is_no_fault_inside(
    raw: Raw, method: str
) -> None:
    await raw.begin()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    for number, wild in enumerate(WILD, 2):
        name, params = method.strip(), OWN[method](wild)
        if name.startswith("dgls."):
            name, params = "workspace/executeCommand", {"command": name, "arguments": params}
        raw.notify("$/cancelRequest", {"id": wild})
        raw.request(number, name, params)
        assert "inside" not in str((await raw.answer(number)).get("error"))


async def test_what_was_last_computed_goes_with_the_document(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    filler.answer = lambda request: reply("call(a)")
    async with initialized(filler) as session:
        await session.open("def f(old):\n    return old\nx = \n")
        await session.changed(0, 6, "new", 9)
        assert await session.ask(2, 4, invoked=True)
        assert await session.actions((0, 0), (0, 0))
        assert session.server.fills.last is not None
        filler.hold()
        late = session.ask(2, 2, invoked=True)
        await until(lambda: len(filler.requests) > 1)
        identifier = types.TextDocumentIdentifier(URI)
        session.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
        await until(lambda: session.server.documents.get(URI) is None)
        filler.go.set()
        assert not await late
        assert (session.server.fills.last, session.server.ripples._last) == (None, None)
        gc.collect()
        await until(lambda: not [each for each in gc.get_objects() if type(each) is Document])


async def test_an_editor_that_gives_each_version_one_number_gets_no_stale_answer(
    raw: Raw, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("yes()")
    filler.hold()
    await raw.begin()
    item = {"uri": URI, "languageId": "python", "version": 1, "text": "x = \n"}
    raw.notify("textDocument/didOpen", {"textDocument": item})
    asked = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 4}}
    raw.request(3, "textDocument/inlineCompletion", {**asked, "context": {"triggerKind": 1}})
    async with asyncio.timeout(PATIENCE_S):
        await filler.arrived.wait()
    same = {"textDocument": {"uri": URI, "version": 1}, "contentChanges": [{"text": "import a\n"}]}
    raw.notify("textDocument/didChange", same)
    raw.request(4, "x/y")
    await raw.answer(4)
    filler.go.set()
    assert not (await raw.answer(3))["result"]


@pytest.mark.parametrize(
    "other",
    [
        "file:///code/project/%65xample.py",
        "file://localhost/code/project/example.py",
        "file:///code/project/./example.py",
        "file:///code/x/../project/example.py",
        "file:///code//project/example.py",
        "file:////code/project/example.py",
        "FILE:///code/project/%65x%61mple%2Epy",
        "file:/code/project/example.py",
        "file:///code/%2e%2e/code/project/example.py",
    ],
)
async def test_a_file_is_one_document_by_each_of_its_names(session: Session, other: str) -> None:
    session.filler.answer = lambda request: reply("yes()")
    await session.open("x = \n")
    assert key_of(other) == key_of(URI)
    assert await session.ask(0, 4, uri=other, invoked=True)
    await session.changed(0, 0, "y", uri=URI)
    assert len(session.server.documents.now) == 1


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///p/a#b.py", "/p/a#b.py"),
        ("file:///p/a%23b.py", "/p/a#b.py"),
        ("file:///p/a?b.py", "/p/a?b.py"),
        ("file:///p/what?/.env", "/p/what?/.env"),
        ("file:///p/c#/.env", "/p/c#/.env"),
        ("file:///p/c#/key.pem?x#y", "/p/c#/key.pem?x#y"),
        ("file://localhost/p/c#/.env", "/p/c#/.env"),
        ("FILE:///p/c#/.env", "/p/c#/.env"),
        ("untitled:a#b", "a"),
        ("untitled:.env", ".env"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("file:///p/a%2eb%2Fc", "/p/a.b/c"),
        ("file:///p/%E4%B8%ad.py", "/p/中.py"),
        ("file:///p/%FF.py", "/p/\udcff.py"),
        ("file:///p/%EF%BF%BD%C3.py", "/p/\ufffd\udcc3.py"),
        ("file:///p/a%25zz.py", "/p/a%zz.py"),
        ("file:///p/a%zz.py", "/p/a%zz.py"),
        ("file://LOCALHOST/p/a.py", "/p/a.py"),
        ("vscode-remote://ssh-remote%2Bbox/home/me/.env", "/home/me/.env"),
        ("vscode-notebook-cell:/p/secrets.ipynb#W0", "/p/secrets.ipynb"),
        ("git:/p/.env?ref", "/p/.env"),
    ],
)
def test_no_part_of_a_files_name_is_lost(uri: str, path: str) -> None:
    assert path_of(uri) == path
    if uri.lower().startswith("file:"):
        assert key_of(uri) == key_of("file://" + quote(path, errors="surrogateescape"))


async def test_a_link_whose_name_is_no_text_is_judged_by_where_it_leads(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("x = \n")
    (tmp_path / "plain.py").write_text("x = \n")
    filler.answer = lambda request: reply("yes()")
    async with initialized(filler, root=tmp_path.as_uri()) as session:
        for target, shown in ((".env", False), ("plain.py", True)):
            link = bytes(tmp_path) + b"/%s\xff.py" % target[-3:].encode()
            os.symlink(target, link)
            uri = "file://" + quote(link)
            await session.open("x = \n", uri=uri)
            assert bool(await session.ask(0, 4, uri=uri, invoked=True)) is shown
    assert len(filler.requests) == 1


async def test_a_name_that_is_no_text_is_sent_as_text(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a surrogate pair in JSON ends the session in some editors and servers."""
    monkeypatch.setattr(neighbours, "MAX_MS", 60_000)
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "dgls.toml").write_text("[bad")
    (folder / "other.py").write_text("def other(x):\n    y = 1\n")
    options = {"context": {"chars": 1000}}
    async with initialized(filler, root=tmp_path.as_uri(), options=options) as session:
        for name in (b"a\xff.py", b"b\xff.py"):
            uri = "file://" + quote(bytes(folder) + b"/" + name)
            await session.open("import other\ndef f(x):\n    y = 1\n", uri=uri)
            await session.changed(2, 9, "2", uri=uri)
            await session.ask(2, 10, uri=uri, invoked=True)
        await until(lambda: session.client.messages)
    request = filler.requests[-1]
    assert request.path == "caf?/b?.py"
    assert {snippet.path for snippet in request.snippets} == {"other.py", "a?.py"}
    assert all(told.message.encode() for told in session.client.messages)


def test_cells_of_a_notebook_and_unsaved_documents_stay_apart() -> None:
    names = ["untitled:a", "untitled:b", "vscode-notebook-cell:/p/n.ipynb#a"]
    names += ["vscode-notebook-cell:/p/n.ipynb#b", "file:///p/a.py", "file:///p/A.py", "http://[x"]
    assert len({key_of(name) for name in names}) == len(names)
    assert path_of("file:///p/a%20b.py") == "/p/a b.py"


async def test_typing_and_accepting_keep_no_old_document(filler: ScriptedFiller) -> None:
    """What is held grows neither with each keystroke nor with each accepted suggestion."""
    filler.answer = lambda request: reply("call(a)")
    options = {"typing": {"shortest_delay_ms": 0, "longest_delay_ms": 0}}
    async with initialized(filler, options=options) as session:
        await session.open("".join(f"x{n} = {n}\n\n" for n in range(500)))
        for number in range(1, 25, 2):
            await session.changed(number, 0, f"y{number} = ")
            column = len(f"y{number} = ")
            await session.ask(number, column, invoked=True)
            await session.changed(number, column, "call(a)")
        await until(lambda: not session.server.fills._running)
        gc.collect()
        held = [each for each in gc.get_objects() if type(each) is Document]
    assert len(session.server.typists.of(URI).accepted) == 12
    assert len(held) <= 6


NOTIFICATIONS: dict[str, dict[str, object]] = {
    "workspace/didChangeConfiguration": {"settings": {"dgls": {"show": {"threshold": 0.5}}}},
    "workspace/didChangeWorkspaceFolders": {"event": {"added": [], "removed": []}},
    "textDocument/didSave": {"textDocument": {"uri": URI}},
    "textDocument/didOpen": {
        "textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": "x = 1\n"}
    },
    "textDocument/didClose": {"textDocument": {"uri": URI}},
    "window/workDoneProgress/cancel": {"token": "x"},
    "$/setTrace": {"value": "off"},
    "$/cancelRequest": {"id": 9_999},
    "dgls/nobodyKnowsThis": {},
}


async def test_no_notification_is_kept(filler: ScriptedFiller) -> None:
    async with listening(filler) as (server, port):
        raw = Raw(*await asyncio.open_connection("127.0.0.1", port))
        await raw.begin()
        for method, params in NOTIFICATIONS.items():
            for _ in range(20):
                raw.notify(method, params)
        raw.request(2, "dgls/nobodyKnowsThis", {})
        await raw.answer(2)
        await until(lambda: len(server.protocol._request_futures) < 3)
        raw.writer.close()


@pytest.fixture
def live(tmp_path: Path) -> Callable[..., None]:
    """Writes settings into the user's own file, as a person would while the editor runs.

    One by its full name and value, or those of a setting's section by their own names.
    """
    file = tmp_path / "config" / "dgls" / "dgls.toml"
    file.parent.mkdir(parents=True)

    def write(name: str, value: object = None, **values: object) -> None:
        section, _, key = name.partition(".")
        said = values if value is None else {key: value}
        lines = [f"{key} = {json.dumps(value)}" for key, value in said.items()]
        file.write_text("\n".join([f"[{section}]", *lines, ""]))

    return write


TEXT = "value = \nother = 1\n"

# What is seen in the next request or answer, by the name of the setting.
REQUESTED: dict[str, tuple[object, Callable[[Any], object], object]] = {
    "fill.automatic_deadline_ms": (700, lambda asked: asked.limits.deadline_ms, 700.0),
    "fill.candidates": (3, lambda asked: asked.limits.candidates, 3),
    "fill.max_lines": (7, lambda asked: asked.gaps[0].max_lines > 0, True),
    "fill.prefix_chars": (100, lambda asked: len(asked.parts[0]) <= 100, True),
    "fill.suffix_chars": (5, lambda asked: len(asked.parts[-1]) <= 12, True),
}
SILENT: dict[str, object] = {
    "show.automatic": False,
    "show.languages_off": ["python"],
    "show.files_off": ["*.py"],
    "show.threshold": 0.99,
    "privacy.secrets": ["example.*"],
    "privacy.trusted": False,
}
OTHER_ENGINE = {
    "model.name": "other",
    "model.device": "cpu",
    "model.threads": 3,
    "model.quantization": "none",
    "model.batch": 2,
    "model.cache_mb": 7,
    "engine.backend": "vllm",
    "engine.folder": "/tmp/elsewhere",
    "engine.idle_seconds": 5.0,
    "engine.start_seconds": 5.0,
    "engine.max_request_bytes": 5000,
    "engine.max_waiting": 5,
    "remote.url": "http://127.0.0.1:1",
    "remote.model": "x",
    "remote.key_file": "/tmp/key",
    "remote.key_variable": "KEY",
    "remote.timeout_seconds": 3.0,
    "remote.concurrency": 2,
    "remote.fallback": True,
    "denoise.adapter": "off",
    "denoise.steps": 3,
    "denoise.canvas": 64,
    "denoise.entropy_bound": 0.5,
    "denoise.temperature_start": 0.9,
    "denoise.temperature_end": 0.5,
    "denoise.stop_entropy": 0.01,
    "denoise.stop_steps": 2,
}
OTHER = "file:///code/project/other.py"


async def asked_for(session: Session, **options: Any) -> Any:
    """The request of the next fill, at the end of the first line, with one more key typed."""
    line = session.server.documents.now[URI].text.split("\n")[0]
    session.filler.requests.clear()
    await session.changed(0, len(line), "a")
    await session.ask(0, len(line) + 1, **options)
    return session.filler.requests[0]


async def deadline(session: Session) -> object:
    return (await asked_for(session, invoked=True)).limits.deadline_ms


async def waits(session: Session) -> object:
    begun = time.monotonic()
    await asked_for(session)
    return time.monotonic() - begun > 0.4


async def waits_in_a_word(session: Session) -> object:
    await session.open("total = \n")
    await session.changed(0, 8, "t")
    begun = time.monotonic()
    await session.ask(0, 9)
    return time.monotonic() - begun > 0.15


async def fills_ahead(session: Session) -> object:
    await asked_for(session)
    await asyncio.sleep(3 * AHEAD_AFTER_S)
    return len(session.filler.requests) > 1


async def offers_in_the_menu(session: Session) -> object:
    params = types.CompletionParams(types.TextDocumentIdentifier(URI), place(0, 8))
    found = await session.client.text_document_completion_async(params)
    assert isinstance(found, types.CompletionList)
    return bool(found.items)


async def sent_of_others(session: Session) -> object:
    return sorted(snippet.text for snippet in (await asked_for(session)).snippets)


async def counted(session: Session) -> object:
    for _ in range(20):
        await asked_for(session)
    written = counts_file().exists()
    counts_file().unlink(missing_ok=True)
    return written


async def offers_other_places(session: Session) -> object:
    """Whether the use of a parameter is offered, after its declaration was renamed."""
    uri = "file:///code/project/renamed.py"
    await session.open("def f(old):\n    return old\n", uri)
    await session.changed(0, 6, "new", 9, uri=uri)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri),
        range=types.Range(start=place(0, 0), end=place(0, 0)),
        context=types.CodeActionContext(diagnostics=[]),
    )
    found = await session.client.text_document_code_action_async(params)
    return any("other place" in action.title for action in found or ())


async def edits_with_a_folder(session: Session) -> object:
    """Whether the folder that the setting names is the model that edits; else it is one here."""
    await asked_for(session)
    with contextlib.suppress(ModelNotFoundError):
        (await session.server.context()).editing_model()
    chosen = session.server._edit_model
    return chosen is not None and chosen[0].model.name == "/no/model"


EDITED, OUTLINE = "changed = 1", "def other():\n"

# What is done at the next keystroke, before and after a setting is changed.
DONE: dict[str, tuple[object, Callable[[Session], Awaitable[object]], object, object]] = {
    "fill.explicit_deadline_ms": (900, deadline, 20_000.0, 900.0),
    "typing.shortest_delay_ms": (450, waits, False, True),
    "typing.longest_delay_ms": (1, waits_in_a_word, True, False),
    "typing.prefetch": (False, fills_ahead, True, False),
    "typing.completion_list": ("always", offers_in_the_menu, False, True),
    "context.edits": (False, sent_of_others, [EDITED, OUTLINE], [OUTLINE]),
    "context.outlines": (False, sent_of_others, [EDITED, OUTLINE], [EDITED]),
    "context.chars": (5, sent_of_others, [EDITED, OUTLINE], []),
    "edits.enabled": (False, offers_other_places, True, False),
    "edits.model": ("/no/model", edits_with_a_folder, False, True),
    "privacy.counts": (False, counted, True, False),
}
BEFORE: dict[str, dict[str, object]] = {
    "typing.shortest_delay_ms": {"shortest_delay_ms": 0, "longest_delay_ms": 500},
    "typing.longest_delay_ms": {"shortest_delay_ms": 0, "longest_delay_ms": 500},
    "context.chars": {"chars": 4000},
    "context.edits": {"chars": 4000},
    "context.outlines": {"chars": 4000},
}


def test_every_setting_is_tried_live() -> None:
    tried = {*REQUESTED, *SILENT, *OTHER_ENGINE, *DONE}
    assert tried == set(DECLARED)


LIVE: dict[str, object] = {
    **{name: value for name, (value, *_) in (REQUESTED | DONE).items()},
    **SILENT,
    **OTHER_ENGINE,
}


@pytest.mark.parametrize("way", ["pushed", "asked for", "project"])
async def test_every_setting_changes_live_whoever_says_it(
    filler: ScriptedFiller, tmp_path: Path, way: str
) -> None:
    async def say(name: str, value: object) -> None:
        section, _, key = name.partition(".")
        if way == "project":
            text = f"[{section}]\n{key} = {json.dumps(value)}\n"
            (tmp_path / "dgls.toml").write_text(text, encoding="utf-8")
            return
        settings = None if way == "asked for" else {"dgls": {section: {key: value}}}
        session.client.set_configuration({section: {key: value}}, section="dgls")
        told = types.DidChangeConfigurationParams(settings)
        session.client.workspace_did_change_configuration(told)

    def now(name: str) -> object:
        value = session.server.rules.settings.value(name)
        return list(value) if isinstance(value, tuple) else value

    asks = way == "asked for"
    async with initialized(filler, root=tmp_path.as_uri(), configuration=asks) as session:
        for name, value in LIVE.items():
            declared = DECLARED[name]
            before = now(name)
            await say(name, value)
            if way != "project" or (declared.project and not declared.only_lower):
                await until(lambda name=name, value=value: now(name) == value)  # type: ignore[misc]
            else:
                # A project raises nothing, and does not choose what runs.
                assert now(name) == (min(before, value) if declared.only_lower else before)  # type: ignore[type-var]


@pytest.mark.parametrize("content", ["[show", "\x00", "show = 3", "[show]\nthreshold = 7", None])
async def test_a_settings_file_that_breaks_is_told_and_works_again_when_it_is_mended(
    filler: ScriptedFiller, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "dgls.toml"
    file.write_text("[show]\nautomatic = false\n")
    filler.answer = lambda request: reply("yes()")
    uri = (tmp_path / "a.py").as_uri()
    async with initialized(filler, root=tmp_path.as_uri()) as session:
        await session.open("x = \n", uri=uri)
        assert not await session.ask(0, 4, uri=uri)
        if content is None:
            file.unlink()
            file.mkdir()
        else:
            file.write_text(content)
        assert await session.ask(0, 4, uri=uri)
        assert (content is None) is not any(
            "dgls.toml" in told.message for told in session.client.messages
        )
        if content is None:
            file.rmdir()
        file.write_text("[show]\nautomatic = false\n")
        assert not await session.ask(0, 4, uri=uri)


@pytest.mark.parametrize("name", REQUESTED)
async def test_a_live_setting_is_in_the_next_request(
    session: Session, live: Callable[..., None], name: str
) -> None:
    value, seen, expected = REQUESTED[name]
    await session.open("filler = 1\n" * 40 + TEXT)
    await session.ask(40, 8)
    live(name, value)
    await session.changed(40, 8, "a")
    await session.ask(40, 9)
    assert seen(session.filler.requests[-1]) == expected


@pytest.mark.parametrize("name", SILENT)
async def test_a_live_setting_silences_the_next_answer_also_what_is_on_the_screen(
    session: Session, live: Callable[..., None], name: str
) -> None:
    session.filler.answer = lambda request: reply("total(other)", confidence=0.9)
    await session.open(TEXT)
    assert await session.ask(0, 8)
    live(name, SILENT[name])
    assert not await session.ask(0, 8)
    await session.changed(0, 8, "t")
    assert not await session.ask(0, 9)
    live(name, DECLARED[name].default if DECLARED[name].kind is not tuple else [])
    await session.changed(0, 9, "o")
    assert await session.ask(0, 10)


@pytest.mark.parametrize("name", OTHER_ENGINE)
async def test_a_live_setting_of_the_engine_reaches_it_anew(
    session: Session, live: Callable[..., None], name: str
) -> None:
    await session.open(TEXT)
    await session.ask(0, 8)
    before = session.server.model
    live(name, OTHER_ENGINE[name])
    await session.changed(0, 8, "a")
    await session.ask(0, 9)
    assert session.server.model is not before
    assert session.filler.settings is not None
    assert session.filler.settings.value(name) == OTHER_ENGINE[name]


@pytest.mark.parametrize("name", ["Python", "py", "PYTHON3", "python-mode"])
async def test_a_language_is_off_by_each_of_its_names(
    session: Session, live: Callable[..., None], name: str
) -> None:
    session.filler.answer = lambda request: reply("total")
    live("show.languages_off", [name])
    await session.open(TEXT)
    assert not await session.ask(0, 8)
    live("show.languages_off", ["Rust"])
    assert await session.ask(0, 8)


@pytest.mark.parametrize("name", DONE)
async def test_a_live_setting_acts_from_the_next_keystroke_on(
    session: Session, live: Callable[..., None], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What others hold is looked for in a few milliseconds, which a busy machine may not have.
    monkeypatch.setattr(neighbours, "MAX_MS", 5_000.0)
    value, done, before, after = DONE[name]
    session.filler.answer = lambda request: reply("total")
    live(name, **BEFORE.get(name, {}))
    await session.open(f"def other():\n    {EDITED[:-1]}\n", uri=OTHER)
    await session.changed(1, len(f"    {EDITED}") - 1, "1", uri=OTHER)
    await session.open(TEXT)
    session.version = 1
    assert await done(session) == before
    live(name, **{**BEFORE.get(name, {}), name.partition(".")[2]: value})
    assert await done(session) == after


async def test_an_ignore_file_that_cannot_be_read_is_told_by_name(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").symlink_to("/dev/zero")
    uri = (tmp_path / "a.py").as_uri()
    async with initialized(filler, root=tmp_path.as_uri()) as session:
        await session.open("x = \n", uri=uri)
        assert not await session.ask(0, 4, uri=uri)
        await until(lambda: session.client.messages)
        assert str(tmp_path / ".gitignore") in session.client.messages[0].message
        assert filler.requests == []


async def test_a_context_file_that_leads_to_a_secret_is_not_sent(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may take long; here it is the rules that matter.
    monkeypatch.setattr(neighbours, "MAX_MS", 60_000)
    (tmp_path / "credentials.py").write_text("def password():\n    return 'gold'\n")
    (tmp_path / "notes.py").symlink_to("credentials.py")
    (tmp_path / "plain.py").write_text("def plain():\n    return 1\n")
    uri = (tmp_path / "a.py").as_uri()
    options = {"context": {"chars": 4000}}
    async with initialized(filler, root=tmp_path.as_uri(), options=options) as session:
        await session.open("import notes\nimport plain\nx = \n", uri=uri)
        await session.ask(2, 4, uri=uri)
    sent = {snippet.path for asked in filler.requests for snippet in asked.snippets}
    assert sent == {"plain.py"}


async def test_a_second_initialize_is_refused(session: Session) -> None:
    with pytest.raises(JsonRpcException):
        await session.client.initialize_async(initialize_params())
