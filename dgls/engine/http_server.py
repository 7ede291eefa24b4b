"""uvicorn for the engine: on its own sockets, without polling."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn

from dgls.engine.connections import AT_ONCE, LARGEST_HEAD, ConnectionLimiter, GuardedProtocol
from dgls.engine.listen import BACKLOG

GRACE_S = 2.0
"""How many seconds answers in progress may take when the engine ends."""

_KEEP_ALIVE_S = 7 * 24 * 3600
"""A front-end's idle connection is never closed, so that a lost one means a dead engine."""


class HttpServer(uvicorn.Server):
    """uvicorn with given sockets, silent, and with a call before it stops accepting."""

    def __init__(self, app: object, before_end: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                http=partial(GuardedProtocol, limiter=ConnectionLimiter()),  # type: ignore[arg-type]
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=int(GRACE_S),
                h11_max_incomplete_event_size=LARGEST_HEAD,
                backlog=AT_ONCE,
            )
        )
        self._before_end = before_end
        self._wake: Callable[[], object] = lambda: None

    def end(self) -> None:
        """Leave `serve` soon. May be called in a signal handler."""
        self.should_exit = True
        self._wake()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's handler of signals."""
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen with a longer queue than uvicorn's `backlog`, which also limits accepts."""
        await super().startup(sockets)
        for each in sockets or []:
            each.listen(BACKLOG)

    async def main_loop(self) -> None:
        """Sleep until the end, where uvicorn would poll ten times a second."""
        ending = asyncio.Event()
        # A signal arrives while the loop sleeps, and a plain `set` would not wake it.
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, ending.set)
        if not self.should_exit:
            await ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: accept no more, finish answers in progress, close connections."""
        self._before_end()
        await super().shutdown(sockets)
