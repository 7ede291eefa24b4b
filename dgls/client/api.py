"""The engine's HTTP API (`docs/protocol.md`) as calls, with its errors as `DglsError`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dgls.client.connection import Connection, ConnectionLostError, ConnectionPool
from dgls.errors import EngineProtocolError
from dgls.protocol import FillReply, FillRequest, Health, LastFill, OnDraft
from dgls.protocol_json import (
    draft_from_json,
    error_from_json,
    health_from_json,
    last_from_json,
    reply_from_json,
    to_json,
)
from dgls.rendezvous.endpoint import Endpoint

JSON = "application/json"
JSON_LINES = "application/x-ndjson"
OK, ACCEPTED, UNAVAILABLE = 200, 202, 503


class StillLoadingError(Exception):
    """The engine runs, but its model is not loaded yet."""


class EngineApi:
    """Calls to the engine at one endpoint.

    Every call raises `ConnectionLostError` if there is no engine or it went away, and closes its
    connection when it is cancelled.
    """

    def __init__(self, endpoint: Endpoint, max_request_bytes: int = 4_000_000) -> None:
        self._endpoint = endpoint
        self._max_request_bytes = max_request_bytes
        self._pool = ConnectionPool()

    async def health(self) -> Health:
        """The engine's report on itself."""
        return health_from_json(await self._ask("GET", "/health"))

    async def metrics(self) -> str:
        """The engine's counters and timers, in the text format of Prometheus."""
        return (await self._ask("GET", "/metrics")).decode()

    async def last(self) -> LastFill:
        """The engine's last fill. Raises `InputError` if it has made none."""
        return last_from_json(await self._ask("GET", "/v1/last"))

    async def shutdown(self) -> None:
        """Ask the engine to stop its fills and to exit."""
        await self._ask("POST", "/v1/shutdown", ACCEPTED)

    async def fill(self, request: FillRequest, on_draft: OnDraft | None = None) -> FillReply:
        """One fill. Raises `StillLoadingError`, or the error that ended the fill in the engine."""
        # A lone surrogate has no UTF-8; replacing it by one character keeps all positions.
        body = to_json(request).encode("utf-8", "replace")
        if len(body) > self._max_request_bytes:
            raise EngineProtocolError(
                f"A request of {len(body)} bytes exceeds the engine's limit of "
                f"{self._max_request_bytes}; nothing was filled."
            )
        accept = JSON if on_draft is None else JSON_LINES
        async with self._connection() as connection:
            status = await connection.send("POST", "/v1/fill", body, accept)
            if status == UNAVAILABLE:
                await connection.body()
                raise StillLoadingError
            if status != OK or on_draft is None:
                reply = reply_from_json(await _expect(OK, status, connection))
            else:
                reply = await _last_of_stream(connection, on_draft)
        if request.limits.candidates and not reply.candidates:
            raise EngineProtocolError("The engine's reply has no candidates; nothing was filled.")
        return reply

    def drop_idle(self) -> None:
        """Close idle connections, such as those to an engine that is ending."""
        self._pool.drop_idle()

    def close(self) -> None:
        """Close idle connections now, and busy ones later."""
        self._pool.close()

    async def _ask(self, method: str, target: str, expected: int = OK) -> bytes:
        """The response body of a request without a body."""
        async with self._connection() as connection:
            return await _expect(
                expected, await connection.send(method, target, b"", JSON), connection
            )

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection for one request and its response."""
        address = self._endpoint.address()
        if address is None:
            raise ConnectionLostError("there is no engine")
        connection = await self._pool.take(address)
        try:
            yield connection
        finally:
            # An unfinished exchange is closed, which tells the engine of the cancel.
            self._pool.give_back(connection)


async def _expect(expected: int, status: int, connection: Connection) -> bytes:
    body = await connection.body()
    if status != expected:
        raise error_from_json(body)
    return body


async def _last_of_stream(connection: Connection, on_draft: OnDraft) -> FillReply:
    """Pass drafts on until the last line: the reply, or the error that ended the fill."""
    reply: FillReply | None = None
    async for line in connection.lines():
        if line.startswith(b'{"step":'):
            on_draft(draft_from_json(line))
        elif line.startswith(b'{"error":'):
            raise error_from_json(line)
        else:
            reply = reply_from_json(line)
    if reply is None:
        raise EngineProtocolError("The engine's stream of drafts ended without a reply.")
    return reply
