"""Connection limits: timeouts for slow clients, and a fair share for each process.

A crashed front-end, a port scanner or a broken program may open connections and leave them. Each
uses a descriptor, and an engine without descriptors serves nobody. So a request's head must be
complete in time, an answer must be read in time, and the source with the most connections makes
room.
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
"""The most seconds for a request's head, and for a connection until its first one."""

UNREAD_S = 30.0
"""The most seconds that a client may leave an answer unread when its socket is full."""

LARGEST_HEAD = 16_384
"""In bytes, of a request's head. Ten thousand short headers in 64 KB take 20 ms to read."""

AT_ONCE = 8
"""How many connections are accepted per turn of the loop.

asyncio accepts all that wait, until there are no descriptors left.
"""

MAX_CONNECTIONS = 512
_SPARE_DESCRIPTORS = 64
_HEAD_PIECE, _PIECE = 256, 65_536
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def most_connections() -> int:
    """How many connections this process may hold besides its other files."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(8, min(MAX_CONNECTIONS, soft - _SPARE_DESCRIPTORS))


class LimitedConnection(Protocol):
    """A connection for the limiter."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has no request in progress."""

    def drop(self) -> None:
        """Close it now."""


@dataclass
class ConnectionLimiter:
    """The connections of each source: a process, or all programs on a port."""

    most: int = field(default_factory=most_connections)
    _held: defaultdict[str, list[LimitedConnection]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def enter(self, source: str, connection: LimitedConnection) -> bool:
        """Add a connection, replacing another one if there are too many.

        A source with half of all connections gives up an idle one of its own. If all are taken, the
        source with the most gives one up for a source with fewer. Otherwise there is no room.
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
        """Remove a connection."""
        self._held[source].remove(connection)
        if not self._held[source]:
            del self._held[source]


def _waiting(held: list[LimitedConnection]) -> LimitedConnection | None:
    return next((connection for connection in held if connection.is_waiting), None)


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with time limits and a limiter of connections.

    `scope["client"]` names the source of a request over a Unix socket too.
    """

    def __init__(self, *args: Any, limiter: ConnectionLimiter, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limiter = limiter
        self._source: str | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether no request is in progress here."""
        return self.conn.their_state is h11.IDLE

    def drop(self) -> None:
        """Leave the limiter and close at once."""
        self._leave()
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the connection in, or close it at once."""
        super().connection_made(transport)
        # Makes `pause_writing` report every unread answer.
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
        """Process data; the time limit of a head runs from its first to its last byte."""
        # h11 limits incomplete heads; small pieces keep a head incomplete until the limit.
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
        """Give the client a limited time to read."""
        super().pause_writing()
        self._end_unread()
        self._unread_timer = self.loop.call_later(UNREAD_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The client is reading again: stop the timer."""
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
