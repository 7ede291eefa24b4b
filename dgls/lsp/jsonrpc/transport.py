"""The server's transports: standard input and output, or one TCP connection on loopback."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dgls.lsp.jsonrpc.errors import log_internal
from dgls.lsp.jsonrpc.inbox import Inbox
from dgls.lsp.jsonrpc.messages import LONGEST_LINE, Bad
from dgls.lsp.jsonrpc.output import Output
from dgls.lsp.jsonrpc.wire import Wire

if TYPE_CHECKING:
    from dgls.lsp.server import DglsServer

LAST_WORDS_S = 0.8
"""How many seconds the process may take to end in order, once it is told to."""

_CHUNK = 65_536
_HELLO_S = 10.0
"""How many seconds a connection may take for its first message."""

_HELLO = b"content-"
"""The beginning of every client's first message: Content-Length or Content-Type."""

Client = tuple[Inbox, asyncio.StreamWriter]
"""A connection: its inbox and its writer."""


def serve_stdio(server: DglsServer) -> int:
    """Serve one client on standard input and output; returns the session's exit status.

    Other output of the process goes to standard error from here on, because one stray line on
    standard output would break the protocol. A slow exit is forced.
    """
    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    sys.stdout.flush()
    sys.stdout = sys.stderr

    async def session() -> None:
        loop = asyncio.get_running_loop()
        writer = Output(sink, lambda: _soon(loop, server.stop, 1))
        try:
            inbox = Inbox(on_exit=_end_soon)
            _read_ahead(source, inbox)
            await _serve(server, inbox, writer, on_end=lambda: _end_soon(server.exit_status))
        finally:
            writer.close()

    try:
        asyncio.run(session())
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


def serve_tcp(server: DglsServer, host: str, port: int) -> int:
    """Serve one client on a TCP port, which then stops listening; returns the exit status.

    The port in use (0 lets the system choose one) is written to standard error.
    """
    try:
        on_end = lambda: _end_soon(server.exit_status)  # noqa: E731
        asyncio.run(serve_tcp_once(server, host, port, on_exit=_end_soon, on_end=on_end))
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


async def serve_tcp_once(
    server: DglsServer,
    host: str,
    port: int,
    listening: asyncio.Future[int] | None = None,
    on_exit: Callable[[int], None] = lambda exit_status: None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve the first client that sends a message; `listening` gets the port in use.

    A connection with any other beginning, such as a browser's request, is refused, and the port
    keeps listening. `on_exit` is called with the exit status when the client's `exit` arrives,
    `on_end` when the session ends.
    """
    client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

    def exits(inbox: Inbox, exit_status: int) -> None:
        # Other connections before the client is known end nothing.
        if client.done() and client.result()[0] is inbox:
            on_exit(exit_status)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inbox = Inbox(on_exit=lambda exit_status: exits(inbox, exit_status))
        filling = asyncio.ensure_future(_fill(inbox, reader))
        if not await _begins_well(inbox) or client.done():
            filling.cancel()
            writer.close()
        else:
            client.set_result((inbox, writer))

    listener = await asyncio.start_server(connected, host, port, limit=LONGEST_LINE)
    bound: int = listener.sockets[0].getsockname()[1]
    if listening is not None:
        listening.set_result(bound)
    print(f"dgls: listening on {host}:{bound}", file=sys.stderr, flush=True)
    inbox, writer = await client
    listener.close()
    try:
        await _serve(server, inbox, writer, on_end)
    finally:
        writer.close()


async def _fill(inbox: Inbox, reader: asyncio.StreamReader) -> None:
    """Read a connection to its end, if it begins like the protocol; ignore any other."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        data = await reader.readexactly(len(_HELLO))
        if data.lower() == _HELLO:
            while data:
                inbox.feed(data)
                data = await reader.read(_CHUNK)
    inbox.close()


async def _begins_well(inbox: Inbox) -> bool:
    """Whether the first data is a message, and arrives in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_HELLO_S):
            first = await inbox.first()
        return first is not None and not isinstance(first, Bad)
    return False


def _end_soon(exit_status: int) -> None:
    """End the process if it takes too long to end in order."""
    killer = threading.Timer(LAST_WORDS_S, lambda: os._exit(exit_status))
    killer.daemon = True
    killer.start()


def _read_ahead(descriptor: int, inbox: Inbox) -> None:
    """Let a daemon thread read a descriptor to its end."""

    def read() -> None:
        with suppress(OSError):
            while data := os.read(descriptor, _CHUNK):
                inbox.feed(data)
        inbox.close()

    threading.Thread(target=read, daemon=True, name="dgls-stdin").start()


def _soon(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *given: object) -> None:
    """Call something in the loop from a thread, unless the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(what, *given)


async def _serve(
    server: DglsServer, inbox: Inbox, writer: Any, on_end: Callable[[], None] = lambda: None
) -> None:
    """Serve until the messages end, the client sends exit, or its process is gone."""
    asyncio.get_running_loop().set_exception_handler(_log_exception)
    server.protocol.set_writer(writer)
    server.stopped.clear()
    ends = [
        asyncio.ensure_future(each)
        for each in (_read(server, inbox), server.stopped.wait(), server.editor_gone())
    ]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        on_end()
        for each in ends:
            each.cancel()
        await server.close()


async def _read(server: DglsServer, inbox: Inbox) -> None:
    """Handle each message until there are no more, or the server is told to end."""
    wire = server.protocol
    assert isinstance(wire, Wire)
    while (message := await inbox.next()) is not None:
        try:
            wire.receive(message, ending=inbox.ending)
        except Exception as error:
            server.report_server_error(error, None)
        if server.stopped.is_set():
            return
        # Incoming data is read and replies are sent before the next message is handled.
        await asyncio.sleep(0)


def _log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log where an error came from; the loop's own message would show results, and so code."""
    error = context.get("exception")
    if isinstance(error, BaseException) and not isinstance(error, ConnectionError):
        log_internal(error)
