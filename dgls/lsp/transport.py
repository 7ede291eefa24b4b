"""How bytes reach the server: standard input and output, or one TCP connection on loopback."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dgls.lsp.messages import LONGEST_LINE, Bad, Message, messages
from dgls.lsp.output import Output
from dgls.lsp.wire import Wire, log_internal

if TYPE_CHECKING:
    from dgls.lsp.server import DglsServer

LAST_WORDS_S = 0.8
"""How long the process may take to end in order, once it is told to."""

_CHUNK = 65_536
_HELLO_S = 10.0
"""How long a connection may take for its first message, before it is given up."""

_HELLO = b"content-"
"""What every client of the protocol begins with: Content-Length or Content-Type."""

Client = tuple[AsyncIterator[Message], asyncio.StreamWriter]
"""A connection: what comes from it, and the way back."""


def serve_stdio(server: DglsServer) -> int:
    """Serve one client on standard input and output; the exit status of the session.

    Whatever else the process prints goes to standard error from here on, because one stray line
    on standard output would break the protocol. Where the end takes too long the process is ended.
    """
    source, sink = sys.stdin.fileno(), sys.stdout.fileno()
    sys.stdout.flush()
    sys.stdout = sys.stderr

    async def session() -> None:
        loop = asyncio.get_running_loop()
        writer = Output(sink, lambda: _soon(loop, server.stop, 1))
        try:
            incoming = messages(_reader_of(source))
            await _serve(server, incoming, writer, on_end=lambda: _end_soon(server))
        finally:
            writer.close()

    try:
        asyncio.run(session())
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


def serve_tcp(server: DglsServer, host: str, port: int) -> int:
    """Serve one client on a TCP port and stop listening once it is there; the exit status.

    The port in use (0 lets the system choose one) is written to standard error.
    """
    try:
        asyncio.run(serve_tcp_once(server, host, port, on_end=lambda: _end_soon(server)))
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


async def serve_tcp_once(
    server: DglsServer,
    host: str,
    port: int,
    listening: asyncio.Future[int] | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve the first client that sends a message; `listening` is given the port in use.

    What begins otherwise, as a browser's request does, is refused, and the port waits on.
    """
    client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await _first_of(incoming := _begun(reader))
        if first is None or client.done():
            writer.close()
        else:
            client.set_result((_with(first, incoming), writer))

    listener = await asyncio.start_server(connected, host, port, limit=LONGEST_LINE)
    bound: int = listener.sockets[0].getsockname()[1]
    if listening is not None:
        listening.set_result(bound)
    print(f"dgls: listening on {host}:{bound}", file=sys.stderr, flush=True)
    incoming, writer = await client
    listener.close()
    try:
        await _serve(server, incoming, writer, on_end)
    finally:
        writer.close()


async def _begun(reader: asyncio.StreamReader) -> AsyncIterator[Message]:
    """The messages of a connection that begins as the protocol does; none of any other."""
    begun = await reader.readexactly(len(_HELLO))
    if begun.lower() == _HELLO:
        async for message in messages(reader, begun):
            yield message


async def _first_of(incoming: AsyncIterator[Message]) -> Message | None:
    """The first thing that comes, where it is a message and comes in time."""
    with suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError, StopAsyncIteration):
        async with asyncio.timeout(_HELLO_S):
            first = await anext(incoming)
        return None if isinstance(first, Bad) else first
    return None


async def _with(first: Message, rest: AsyncIterator[Message]) -> AsyncIterator[Message]:
    yield first
    async for message in rest:
        yield message


def _end_soon(server: DglsServer) -> None:
    """End the process where it takes too long to end in order."""
    killer = threading.Timer(LAST_WORDS_S, lambda: os._exit(server.exit_status))
    killer.daemon = True
    killer.start()


def _reader_of(descriptor: int) -> asyncio.StreamReader:
    """What a thread reads from a descriptor; the thread keeps no process from ending."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)

    def read() -> None:
        data = b"begin"
        while data:
            try:
                data = os.read(descriptor, _CHUNK)
            except OSError:
                data = b""
            if data:
                _soon(loop, reader.feed_data, data)
            else:
                _soon(loop, reader.feed_eof)

    threading.Thread(target=read, daemon=True, name="dgls-stdin").start()
    return reader


def _soon(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *given: object) -> None:
    """Let a thread's news reach the loop; where that has ended, nobody wants to know."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(what, *given)


async def _serve(
    server: DglsServer,
    incoming: AsyncIterator[Message],
    writer: Any,
    on_end: Callable[[], None] = lambda: None,
) -> None:
    """Serve until the messages end, the client says exit, or its process is gone."""
    asyncio.get_running_loop().set_exception_handler(_log_exception)
    server.protocol.set_writer(writer)
    server.stopped.clear()
    ends = [
        asyncio.ensure_future(each)
        for each in (_read(server, incoming), server.stopped.wait(), server.editor_gone())
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


async def _read(server: DglsServer, incoming: AsyncIterator[Message]) -> None:
    """Hand each message on until there are no more, or the server is told to end."""
    wire = server.protocol
    assert isinstance(wire, Wire)
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        # An editor that went away in the middle of a message is not there to be answered.
        async for message in incoming:
            try:
                wire.receive(message)
            except Exception as error:
                server.report_server_error(error, None)
            if server.stopped.is_set():
                return


def _log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log where an error came from; the loop's own words would show results, and so code."""
    error = context.get("exception")
    if isinstance(error, BaseException) and not isinstance(error, ConnectionError):
        log_internal(error)
