"""uvicorn as the engine uses it: on sockets of its own, idle while nobody asks."""

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
"""How long answers that are being sent may take when the engine ends."""

_KEEP_ALIVE_S = 7 * 24 * 3600
"""A front-end's connection is never closed under it: what it lost then means a dead engine."""


class HttpServer(uvicorn.Server):
    """uvicorn with our own sockets, silent, and one call before it stops accepting."""

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
        """What uvicorn does on a signal."""
        super().handle_exit(sig, frame)
        self.end()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, with a longer queue than uvicorn's `backlog`, which limits accepts, too."""
        await super().startup(sockets)
        for each in sockets or []:
            each.listen(BACKLOG)

    async def main_loop(self) -> None:
        """Sleep until the end, where uvicorn would look for it ten times a second."""
        ending = asyncio.Event()
        # A signal comes while the loop sleeps, which a plain `set` would not end.
        self._wake = partial(asyncio.get_running_loop().call_soon_threadsafe, ending.set)
        if not self.should_exit:
            await ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: nobody new, answers that are being sent end, connections close."""
        self._before_end()
        await super().shutdown(sockets)
