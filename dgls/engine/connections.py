"""Connections from neighbours who mean no good: a time for each request's head, and a fair share.

A front-end that crashed, a port scanner or a broken program may open connections and leave them.
Each costs a descriptor, and an engine without descriptors serves nobody. So a head must be whole
in time, and no process may hold more than half of the connections.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dgls.rendezvous.peer import peer_of

HEAD_S = 10.0
"""How long a request's head may take, and a connection until its first one."""

MOST_CONNECTIONS = 512
_SPARE_DESCRIPTORS = 64
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def most_connections() -> int:
    """How many connections this process may hold, its other files left aside."""
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(8, min(MOST_CONNECTIONS, soft - _SPARE_DESCRIPTORS))


@dataclass
class Census:
    """Who holds how many connections; a source is a process, or all of a port's programs."""

    most: int = field(default_factory=most_connections)
    _by_source: Counter[str] = field(default_factory=Counter)

    def enter(self, source: str) -> bool:
        """Count one more, unless there are too many of all or of this source."""
        full = self._by_source.total() >= self.most
        if full or self._by_source[source] >= self.most // 2:
            return False
        self._by_source[source] += 1
        return True

    def leave(self, source: str) -> None:
        """Count one less."""
        self._by_source[source] -= 1
        if self._by_source[source] <= 0:
            del self._by_source[source]


class GuardedProtocol(H11Protocol):
    """uvicorn's HTTP, with a time for heads and a census of connections.

    `scope["client"]` names the source of a request over a Unix socket, too.
    """

    def __init__(self, *args: Any, census: Census, **options: Any) -> None:
        super().__init__(*args, **options)
        self._census = census
        self._source: str | None = None
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the connection in, or close it at once."""
        super().connection_made(transport)
        if self.client is None:
            self.client = (_process(transport), 0)
        source = self.client[0]
        if self._census.enter(source):
            self._source = source
            self._begin_head()
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the census."""
        self._end_head()
        if self._source is not None:
            self._census.leave(self._source)
            self._source = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; the time of a head begins with its first byte and ends with its last."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._end_head()
        elif self._head_timer is None and self.conn.trailing_data[0]:
            self._begin_head()

    def _begin_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.write(_TIMED_OUT)
            self.transport.close()


def _process(transport: asyncio.Transport) -> str:
    peer = peer_of(transport.get_extra_info("socket"))
    return f"process {peer.pid}" if peer is not None and peer.pid else "a socket"
