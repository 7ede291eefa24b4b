"""How bytes reach the server: standard input and output, or one TCP connection on loopback."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from pygls.io_ import StdinAsyncReader, StdoutWriter, run_async

from dgls.lsp.wire import log_internal

if TYPE_CHECKING:
    from dgls.lsp.server import DglsServer

_quiet = logging.getLogger("pygls.dgls")


def serve_stdio(server: DglsServer) -> int:
    """Serve one client on standard input and output; the exit status of the session.

    Whatever else the process prints goes to standard error from here on, because one stray line
    on standard output would break the protocol.
    """
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    writer = StdoutWriter(sink)

    async def session() -> None:
        reader = StdinAsyncReader(source, server.thread_pool)
        await _serve(server, reader, writer)

    try:
        asyncio.run(session())
    except BrokenPipeError:
        return 1
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


def serve_tcp(server: DglsServer, host: str, port: int) -> int:
    """Serve one client on a TCP port and stop listening once it is there; the exit status.

    The port in use (0 lets the system choose one) is written to standard error.
    """
    try:
        asyncio.run(serve_tcp_once(server, host, port))
    finally:
        server.thread_pool.shutdown(wait=False)
    return server.exit_status


async def serve_tcp_once(
    server: DglsServer, host: str, port: int, listening: asyncio.Future[int] | None = None
) -> None:
    """Serve the first client that connects; `listening` is given the port in use."""
    client: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    client = asyncio.get_running_loop().create_future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if client.done():
            writer.close()
        else:
            client.set_result((reader, writer))

    listener = await asyncio.start_server(connected, host, port)
    bound: int = listener.sockets[0].getsockname()[1]
    if listening is not None:
        listening.set_result(bound)
    print(f"dgls: listening on {host}:{bound}", file=sys.stderr, flush=True)
    reader, writer = await client
    listener.close()
    try:
        await _serve(server, reader, writer)
    finally:
        writer.close()


async def _serve(server: DglsServer, reader: Any, writer: Any) -> None:
    asyncio.get_running_loop().set_exception_handler(_log_exception)
    server.protocol.set_writer(writer)
    server.stopped = threading.Event()
    try:
        await run_async(
            stop_event=server.stopped,
            reader=reader,
            protocol=server.protocol,
            logger=_quiet,
            error_handler=server.report_server_error,
        )
    except (asyncio.IncompleteReadError, ConnectionError):
        # The editor went away in the middle of a message: there is nobody left to answer.
        pass
    finally:
        await server.close()


def _log_exception(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log where an error came from; the loop's own words would show results, and so code."""
    error = context.get("exception")
    if isinstance(error, BaseException) and not isinstance(error, ConnectionError):
        log_internal(error)
