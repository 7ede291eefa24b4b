"""HTTP/1.1 to the engine over asyncio streams: h11 handles the protocol, this module the I/O.

Not httpx, because a front-end runs in every editor window. Measured on two CPU cores, Python 3.11,
httpx 0.28 over a Unix socket: 10 MB of memory for its import, 1.3 ms per request (p50; p99 2.8);
h11 on streams: 0.4 MB, 0.4 ms (p99 0.9). uvicorn and httpx are built on h11 too.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import h11

from dgls.errors import EngineProtocolError, EngineUnavailableError
from dgls.rendezvous.endpoint import LOOPBACK, Address, UnixAddress
from dgls.rendezvous.peer import Peer, is_foreign, listener_of, peer_of
from dgls.rendezvous.runtime_folder import check_private

LARGEST_ANSWER = 32_000_000
"""In bytes; the drafts of a fill that takes minutes are a hundredth of it."""

_CHUNK = 65_536
_QUEUE_FULL_S = 0.02


class ConnectionLostError(Exception):
    """The engine cannot be reached, or closed the connection before its answer was complete."""


class Connection:
    """One keep-alive connection, for one request at a time."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.address = address
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, address: Address) -> Connection:
        """Connect. Raises `ConnectionLostError` if nothing listens.

        Raises `EngineUnavailableError`, before a byte is sent, if another user may be listening.
        """
        try:
            if isinstance(address, UnixAddress):
                check_private(address.path.parent)
                streams = await _open_unix(address.path)
            else:
                streams = await asyncio.open_connection(LOOPBACK, address.port)
        except OSError as error:
            raise ConnectionLostError(str(error)) from error
        connection = cls(address, *streams)
        if is_foreign(connection.peer):
            connection.abort()
            raise EngineUnavailableError(
                "Another user's program listens where the engine should; nothing was sent. Set "
                "engine.folder to your own folder."
            )
        return connection

    @property
    def peer(self) -> Peer | None:
        """The process at the other end; None if the system does not tell."""
        if isinstance(self.address, UnixAddress):
            return peer_of(self._writer.get_extra_info("socket"))
        return listener_of(self.address.port)

    @property
    def is_idle(self) -> bool:
        """Whether another request can be sent."""
        alive = not self._reader.at_eof() and not self._writer.is_closing()
        return alive and self._http.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}

    def abort(self) -> None:
        """Close at once, which makes the engine stop its work for this connection."""
        self._writer.transport.abort()

    async def send(self, method: str, target: str, body: bytes, accept: str) -> int:
        """Send a request and return the status of its response. Raises `ConnectionLostError`."""
        headers = [
            ("host", LOOPBACK),
            ("accept", accept),
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
        ]
        if not isinstance(self.address, UnixAddress):
            headers.append(("authorization", f"Bearer {self.address.token}"))
        request = h11.Request(method=method, target=target, headers=headers)
        events = (request, h11.Data(data=body), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        # A refused request is answered before it was read, so sending must not wait for the answer.
        event = await self._next_event()
        while isinstance(event, h11.InformationalResponse):
            event = await self._next_event()
        if not isinstance(event, h11.Response):
            raise ConnectionLostError("no response")
        return event.status_code

    async def chunks(self) -> AsyncIterator[bytes]:
        """The response's body as it arrives. Raises `ConnectionLostError` if it ends early.

        Raises `EngineProtocolError` for a body that is larger than any answer of an engine.
        """
        event = await self._next_event()
        size = 0
        while isinstance(event, h11.Data):
            size += len(event.data)
            if size > LARGEST_ANSWER:
                raise EngineProtocolError(
                    f"The engine's answer exceeds {LARGEST_ANSWER:,} bytes; it was not read."
                )
            yield bytes(event.data)
            event = await self._next_event()
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionLostError("half a response")
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()

    async def body(self) -> bytes:
        """The complete body of the response."""
        return b"".join([chunk async for chunk in self.chunks()])

    async def lines(self) -> AsyncIterator[bytes]:
        """The response's body line by line, without line ends."""
        rest = b""
        async for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line
        if rest:
            yield rest

    async def _next_event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_CHUNK))
        except (OSError, h11.RemoteProtocolError) as error:
            raise ConnectionLostError(str(error)) from error
        return event


async def _open_unix(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a Unix socket, even if its queue is full.

    A full queue refuses a connection with EAGAIN, which asyncio mistakes for one in progress.
    """
    made = socket.socket(socket.AF_UNIX)
    try:
        made.setblocking(False)
        while (refused := made.connect_ex(str(path))) == errno.EAGAIN:
            await asyncio.sleep(_QUEUE_FULL_S)
        if refused:
            raise OSError(refused, os.strerror(refused))
        return await asyncio.open_unix_connection(sock=made)
    except BaseException:
        made.close()
        raise


class ConnectionPool:
    """Idle connections, kept for their next request."""

    def __init__(self) -> None:
        self._idle: list[Connection] = []
        self._is_closed = False

    async def take(self, address: Address) -> Connection:
        """An idle connection to `address`, or a new one. Raises `ConnectionLostError`."""
        while self._idle:
            connection = self._idle.pop()
            if connection.address == address and connection.is_idle:
                return connection
            connection.abort()
        return await Connection.open(address)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for its next request, or close one with an unfinished exchange."""
        if connection.is_idle and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.abort()

    def drop_idle(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().abort()

    def close(self) -> None:
        """Close every idle connection, and later those that are given back."""
        self._is_closed = True
        self.drop_idle()
