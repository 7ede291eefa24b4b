"""The real `dgls lsp` process, from its start to the engine that it starts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled
from pytest_lsp import LanguageClient, make_test_lsp_client

from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.rendezvous.endpoint import endpoints
from tests.lsp.session import PATIENCE_S, initialize_params, place, until
from tests.support.backends import SECRET
from tests.support.engines import ROOT, engines_in

SOON_S = 6.0
"""An idle machine takes less than a second; one that runs other tests takes longer."""

START = (sys.executable, "-c", "from dgls.cli.main import main; main()")
HEAVY = {"torch", "transformers", "numpy", "tokenizers", "safetensors", "starlette", "typer"}
ENGINE_START_S = 30.0


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """A folder for sockets and settings, whose engines end with the test."""
    yield tmp_path
    settings = changed(Settings(), {"engine.folder": str(tmp_path / "e")})
    for endpoint in endpoints(settings):
        await stop(endpoint)


def environment(folder: Path, backend: str) -> dict[str, str]:
    """The environment in which the server starts a separate engine with a test's backend."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DGLS_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(folder),
        "DGLS_ENGINE_FOLDER": str(folder / "e"),
        "DGLS_ENGINE_BACKEND": f"tests.support.backends:{backend}",
        "DGLS_ENGINE_IDLE_SECONDS": "30",
    }


@asynccontextmanager
async def served(
    folder: Path,
    *arguments: str,
    backend: str = "scripted",
    python: tuple[str, ...] = (),
    status: bool = False,
) -> AsyncIterator[LanguageClient]:
    """A client of a new server process on standard input and output."""
    client = make_test_lsp_client()
    executable, *rest = START
    command = (executable, *python, *rest, *(arguments or ("lsp",)))
    await client.start_io(*command, env=environment(folder, backend))
    await client.initialize_session(initialize_params(status=status))
    yield client
    await client.shutdown_session()
    await client.stop()


def opened(client: LanguageClient, name: str, text: str) -> None:
    item = types.TextDocumentItem(uri=uri_of(name), language_id="python", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))


async def ask(client: LanguageClient, name: str, column: int, msg_id: str | None = None) -> object:
    params = types.InlineCompletionParams(
        text_document=types.TextDocumentIdentifier(uri=uri_of(name)),
        position=place(0, column),
        context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
    )
    asked = client.protocol.send_request(
        types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id=msg_id
    )
    async with asyncio.timeout(ENGINE_START_S):
        return await asyncio.wrap_future(asked)


def shows(client: LanguageClient, what: str) -> bool:
    """Whether a progress report has this text."""
    reports = client.progress_reports.values()
    return any(getattr(step, "message", "") == what for steps in reports for step in steps)


def uri_of(name: str) -> str:
    return f"file:///code/project/{name}"


async def test_a_suggestion_comes_from_a_separate_engine_and_no_heavy_import(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--clientProcessId=1", "--stdio")
    async with served(folder, *arguments, python=("-X", "importtime")) as client:
        opened(client, "a.py", f"-{SECRET}")
        items = await ask(client, "a.py", 8)
        server = client._server

    assert isinstance(items, list)
    assert [item.insert_text for item in items] == [f"-{SECRET}"]
    assert server is not None
    assert server.returncode == 0
    log = capfd.readouterr().err
    imported = {line.rpartition("|")[2].strip() for line in log.splitlines() if "|" in line}
    assert "lsprotocol.types" in imported
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()
    assert SECRET not in log


async def test_a_cancel_or_a_newer_request_stops_the_fill_in_the_engine(folder: Path) -> None:
    async with served(folder) as client:
        opened(client, "forever.py", "x = ")
        opened(client, "quick.py", "-y")
        await ask(client, "quick.py", 2)

        older = asyncio.ensure_future(ask(client, "forever.py", 4))
        newer = asyncio.ensure_future(ask(client, "forever.py", 3, msg_id="newer"))
        assert await older is None

        client.cancel_request(types.CancelParams(id="newer"))
        with pytest.raises(JsonRpcRequestCancelled):
            await newer

        # The engine fills one gap at a time, so an answer here means that no other fill is running.
        async with asyncio.timeout(PATIENCE_S):
            assert await ask(client, "quick.py", 2)


async def test_a_loading_model_shows_progress(folder: Path) -> None:
    async with served(folder, backend="slow_to_load") as client:
        opened(client, "a.py", "-x")
        asked = asyncio.ensure_future(ask(client, "a.py", 2))
        async with asyncio.timeout(ENGINE_START_S):
            while not shows(client, "half of it"):
                await asyncio.sleep(0.01)
        (folder / "e" / "go").touch()
        assert await asked

        (steps,) = client.progress_reports.values()
        await until(lambda: isinstance(steps[-1], types.WorkDoneProgressEnd))
        assert isinstance(steps[0], types.WorkDoneProgressBegin)


async def test_a_model_that_cannot_be_loaded_is_one_message(folder: Path) -> None:
    async with served(folder, backend="broken") as client:
        opened(client, "a.py", "x = ")

        assert await ask(client, "a.py", 4) is None
        assert await ask(client, "a.py", 4) is None

        (message,) = client.messages
        assert message.message == ("dgls: The checkpoint is half a checkpoint; nothing was loaded.")


async def test_an_engine_killed_in_fills_gives_one_answer_each_and_then_a_status(
    folder: Path,
) -> None:
    async with served(folder, status=True) as client:
        told: list[Any] = []
        client.feature("dgls/status")(lambda params: told.append(params))
        opened(client, "kill.py", "-x")
        opened(client, "quick.py", "-y")
        for _ in range(3):
            assert await ask(client, "kill.py", 2) is None
        # Not even a request that would work makes it start a fourth engine.
        assert await ask(client, "quick.py", 2) is None
        assert engines_in(folder / "e") == set()

        messages = [message.message for message in client.messages]
        assert len(messages) == 2
        assert "the next request starts a new engine" in messages[0]
        assert "failed 3 times within a minute" in messages[1]
        await until(lambda: told and told[-1].state == "failed")
        assert "in the middle of a fill" in told[-1].message


async def test_one_client_is_served_on_a_loopback_port(folder: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        *START,
        "lsp",
        "--tcp=0",
        env=environment(folder, "scripted"),
        stderr=asyncio.subprocess.PIPE,
    )
    assert server.stderr is not None
    async with asyncio.timeout(ENGINE_START_S):
        said = (await server.stderr.readline()).decode()
        assert said.startswith("dgls: listening on 127.0.0.1:")
        port = int(said.rpartition(":")[2])

        client = make_test_lsp_client()
        await client.start_tcp("127.0.0.1", port)
        result = await client.initialize_session(initialize_params())
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await client.shutdown_async(None)
        client.exit(None)
        assert await server.wait() == 0
        await client.stop()

    assert result.server_info is not None
    assert result.server_info.name == "dgls"


async def test_the_server_ends_when_its_editor_is_gone(folder: Path) -> None:
    server = await asyncio.create_subprocess_exec(
        *START,
        "lsp",
        env=environment(folder, "scripted"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin is not None
    server.stdin.write(b"Content-Length: 5000\r\n\r\n{")
    server.stdin.close()

    async with asyncio.timeout(ENGINE_START_S):
        assert await server.wait() == 1


@pytest.mark.parametrize("backend", ["scripted", "slow_to_load"])
async def test_the_server_ends_when_the_process_of_its_editor_is_gone(
    folder: Path, backend: str
) -> None:
    """Its pipes are still open, because another process may have inherited them."""
    editor = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    server = await started(folder, backend)
    await said(server, 1, "initialize", {"capabilities": {}, "processId": editor.pid})
    tell(server, "initialized", {})
    if backend == "slow_to_load":
        item = {"uri": uri_of("a.py"), "languageId": "python", "version": 1, "text": "-x"}
        tell(server, "textDocument/didOpen", {"textDocument": item})
        await until(lambda: engines_in(folder / "e"))
    editor.kill()
    await editor.wait()
    # Five seconds on an idle machine, but tests keep this one busy.
    async with asyncio.timeout(2 * PATIENCE_S):
        assert await server.wait() == 1


@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize("backend", ["scripted", "slow_to_load"])
async def test_exit_over_a_port_ends_the_process_soon(
    folder: Path, backend: str, orderly: bool
) -> None:
    """Although a fill runs or the engine loads, and with a queue of requests."""
    server = await asyncio.create_subprocess_exec(
        *START, "lsp", "--tcp=0", env=environment(folder, backend), stderr=asyncio.subprocess.PIPE
    )
    assert server.stderr is not None
    port = int((await server.stderr.readline()).decode().rpartition(":")[2])
    # An `exit` from another connection does not come from the client.
    _, other = await asyncio.open_connection("127.0.0.1", port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize"}
    writer.write(framed({**hello, "params": {"capabilities": {}, "processId": None}}))
    await reader.readuntil(b"\r\n\r\n")
    with suppress(ConnectionError):
        other.write(framed({"jsonrpc": "2.0", "method": "exit"}))
        await other.drain()
    item = {"uri": uri_of("forever.py"), "languageId": "python", "version": 1, "text": "x = "}
    opened = {"method": "textDocument/didOpen", "params": {"textDocument": item}}
    writer.write(framed({"jsonrpc": "2.0", **opened}))
    asked = {
        "textDocument": {"uri": uri_of("forever.py")},
        "position": {"line": 0, "character": 4},
        "context": {"triggerKind": 1},
    }
    for number in range(2, 500):
        message = {"jsonrpc": "2.0", "id": number, "method": COMPLETION, "params": asked}
        writer.write(framed(message))
    await asyncio.sleep(1.0)
    assert server.returncode is None
    if orderly:
        writer.write(framed({"jsonrpc": "2.0", "id": 999, "method": "shutdown"}))
    writer.write(framed({"jsonrpc": "2.0", "method": "exit"}))
    begun = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        assert await server.wait() == (0 if orderly else 1)
    assert time.monotonic() - begun < SOON_S
    writer.close()
    other.close()


@pytest.mark.parametrize("orderly", [True, False])
async def test_exit_ends_the_process_soon_during_a_fill(folder: Path, orderly: bool) -> None:
    server = await started(folder, "scripted")
    await said(server, 1, "initialize", {"capabilities": {}, "processId": None})
    tell(server, "initialized", {})
    item = {"uri": uri_of("forever.py"), "languageId": "python", "version": 1, "text": "x = "}
    tell(server, "textDocument/didOpen", {"textDocument": item})
    asked = {
        "textDocument": {"uri": uri_of("forever.py")},
        "position": {"line": 0, "character": 4},
        "context": {"triggerKind": 1},
    }
    send(server, {"jsonrpc": "2.0", "id": 2, "method": COMPLETION, "params": asked})
    await asyncio.sleep(1.0)
    if orderly:
        await said(server, 3, "shutdown", None)
    tell(server, "exit", None)
    begun = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        assert await server.wait() == (0 if orderly else 1)
    assert time.monotonic() - begun < SOON_S


@pytest.mark.parametrize("end", ["exit", "closed", "killed", "killed early"])
def test_a_server_whose_answers_are_not_read_still_ends(folder: Path, end: str) -> None:
    """The editor hangs, or it is dead and another process has its ends of the pipes."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
    early = [f"--clientProcessId={editor.pid}"] if end == "killed early" else []
    server = subprocess.Popen(
        [*START, "lsp", *early], env=environment(folder, "scripted"), stdin=-1, stdout=-1
    )
    assert server.stdin is not None
    assert server.stdout is not None
    known = editor.pid if end == "killed" else None
    hello = {"method": "initialize", "params": {"capabilities": {}, "processId": known}}
    server.stdin.write(framed({"jsonrpc": "2.0", "id": 1, **hello}))
    server.stdin.flush()
    server.stdout.readline()
    asked = {"jsonrpc": "2.0", "id": 2, "method": "x" * 100}
    server.stdin.write(framed(asked) * 2000)
    if end == "exit":
        server.stdin.write(framed({"jsonrpc": "2.0", "method": "exit"}))
    server.stdin.flush()
    if end == "closed":
        server.stdin.close()
    editor.kill()
    editor.communicate()
    try:
        assert server.wait(2 * PATIENCE_S) == 1
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


COMPLETION = "textDocument/inlineCompletion"


async def started(folder: Path, backend: str, *arguments: str) -> asyncio.subprocess.Process:
    """A server process whose messages are written by the test."""
    return await asyncio.create_subprocess_exec(
        *START, "lsp", *arguments, env=environment(folder, backend), stdin=-1, stdout=-1
    )


def send(server: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    assert server.stdin is not None
    server.stdin.write(framed(message))


def framed(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def tell(server: asyncio.subprocess.Process, method: str, params: object) -> None:
    send(server, {"jsonrpc": "2.0", "method": method, "params": params})


async def said(
    server: asyncio.subprocess.Process, number: int, method: str, params: object
) -> dict[str, Any]:
    """The answer to a request; earlier messages are skipped."""
    send(server, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
    assert server.stdout is not None
    async with asyncio.timeout(ENGINE_START_S):
        while True:
            head = (await server.stdout.readuntil(b"\r\n\r\n")).decode()
            length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
            message: dict[str, Any] = json.loads(await server.stdout.readexactly(length))
            if message.get("id") == number and "method" not in message:
                return message
