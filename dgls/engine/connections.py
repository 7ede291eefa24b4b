"""Connection limits: timeouts for slow clients, and a fair share for each process.

A front-end that crashed, a port scanner or a broken program may open connections and leave them.
Each costs a descriptor, and an engine without descriptors serves nobody. So a head must be whole
in time, an answer must be read in time, and who holds the most connections makes room.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dgls.rendezvous.peer import is_foreign, is_root, peer_of

HEAD_S = 10.0
"""How long a request's head may take, and a connection until its first one."""

UNREAD_S = 30.0
"""How long a client may leave an answer unread that its socket has no room for."""

LARGEST_HEAD = 16_384
"""Bytes of a request's head. Ten thousand short headers in 64 KB take 20 ms to read."""

AT_ONCE = 8
"""Connections that are accepted in one turn of the loop; asyncio takes as many as wait,
until there are no descriptors left."""

MAX_CONNECTIONS = 512
_SPARE_DESCRIPTORS = 64
_HEAD_PIECE, _PIECE = 256, 65_536
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def most_connections() -> int:
    """How many connections this process may hold, its other files left aside."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(8, min(MAX_CONNECTIONS, soft - _SPARE_DESCRIPTORS))


class LimitedConnection(Protocol):
    """A connection as the limiter sees it."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has no request under way."""

    def drop(self) -> None:
        """Close it now."""


@dataclass
class ConnectionLimiter:
    """Who holds which connections; a source is a process, or all of a port's programs."""

    most: int = field(default_factory=most_connections)
    _held: defaultdict[str, list[LimitedConnection]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def enter(self, source: str, connection: LimitedConnection) -> bool:
        """Note one more connection, in the place of another where there are too many.

        A source with half of all gives up one of its own that waits. Where all are taken, the
        source with the most gives one up for a source with fewer. Else there is no room.
        """
        own = self._held.get(source, [])
        if len(own) >= self.most // 2:
            leaves = _waiting(own)
        elif sum(map(len, self._held.values())) >= self.most:
            crowd = max(self._held.values(), key=len)
            leaves = (_waiting(crowd) or crowd[-1]) if len(crowd) > len(own) + 1 else None
        else:
            self._held[source].append(connection)
            return True
        if leaves is None:
            return False
        leaves.drop()
        self._held[source].append(connection)
        return True

    def leave(self, source: str, connection: LimitedConnection) -> None:
        """Forget a connection."""
        self._held[source].remove(connection)
        if not self._held[source]:
            del self._held[source]


def _waiting(held: list[LimitedConnection]) -> LimitedConnection | None:
    return next((connection for connection in held if connection.is_waiting), None)


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP, with time limits and a limiter of connections.

    `scope["client"]` names the source of a request over a Unix socket, too.
    """

    def __init__(self, *args: Any, limiter: ConnectionLimiter, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limiter = limiter
        self._source: str | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether no request is under way here."""
        return self.conn.their_state is h11.IDLE

    def drop(self) -> None:
        """Leave the limiter and close at once."""
        self._leave()
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the connection in, or close it at once."""
        super().connection_made(transport)
        # So that `pause_writing` tells of every answer that is not read.
        transport.set_write_buffer_limits(high=0)
        if self.client is None:
            peer = peer_of(transport.get_extra_info("socket"))
            if is_foreign(peer) and not is_root(peer):
                transport.abort()
                return
            self.client = (f"process {peer.pid}" if peer and peer.pid else "a socket", 0)
        source = self.client[0]
        if self._limiter.enter(source, self):
            self._source = source
            self._begin_head()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the limiter."""
        self._end_head()
        self._end_unread()
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the time of a head begins with its first byte and ends with its last."""
        # h11 limits heads that are not whole yet; in pieces, none is whole before its limit.
        start = 0
        while start < len(data) and not self.transport.is_closing():
            end = start + (_HEAD_PIECE if self.conn.their_state is h11.IDLE else _PIECE)
            super().data_received(data[start:end])
            start = end
        if self.conn.their_state is not h11.IDLE:
            self._end_head()
        elif self._head_timer is None and self.conn.trailing_data[0]:
            self._begin_head()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self._end_unread()
        self._unread_timer = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._end_unread()
        super().resume_writing()

    def _leave(self) -> None:
        if self._source is not None:
            self._limiter.leave(self._source, self)
            self._source = None

    def _begin_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_unread(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.write(_TIMED_OUT)
            self.transport.close()
