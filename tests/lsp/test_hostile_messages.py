"""Messages in the wrong order, form or size."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from dgls.lsp.jsonrpc.inbox import Inbox
from dgls.lsp.jsonrpc.messages import LARGEST_BYTES, Message
from dgls.requests import neighbours
from tests.lsp.raw import Raw, listening
from tests.lsp.session import (
    PATIENCE_S,
    URI,
    ScriptedFiller,
    Session,
    initialize_params,
    initialized,
    until,
)


async def test_after_shutdown_requests_are_refused_and_notifications_ignored(raw: Raw) -> None:
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
async def test_edits_do_not_delay_the_end_and_every_request_is_answered(
    filler: ScriptedFiller, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit of a 20 MB document is slow, and the client does not wait for each."""
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
async def test_exit_takes_effect_before_queued_messages(came: list[str], status: list[int]) -> None:
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
async def test_an_invalid_message_is_answered_and_the_session_continues(
    raw: Raw, body: bytes, code: int
) -> None:
    await raw.begin()
    raw.send_body(body)
    told = await raw.answer(None)
    assert told["error"]["code"] == code
    # JSON-RPC requires the id to be present.
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
async def test_an_oversized_message_is_refused_and_the_session_continues(
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
async def test_message_headers_are_read_leniently(raw: Raw, head: bytes) -> None:
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
        # Connections that keep waiting until the server gives them up.
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
async def test_a_client_that_is_not_an_editor_does_not_take_its_place(
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


async def test_an_unreadable_ignore_file_is_named(filler: ScriptedFiller, tmp_path: Path) -> None:
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
    # A busy machine may take long; only the rules matter here.
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
