"""The engine's application, served in this process on a test's socket."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

import uvicorn

from dgls.engine.connections import ConnectionLimiter, GuardedProtocol
from dgls.engine.guard import LoopbackGuard
from dgls.engine.routes import create_app
from dgls.engine.scheduler import Scheduler
from dgls.engine.service import Service
from dgls.engine.status import EngineStatus
from dgls.engine.worker import ModelThreads
from tests.support.backends import ScriptedBackend

WAIT_S = 10.0
LIMIT = 20_000
"""The largest request, in bytes."""
MOST = 3
"""The most requests at once."""


class ServedEngine:
    """A served application without its own process."""

    def __init__(
        self, listener: socket.socket, token: str | None = None, page_token: str = ""
    ) -> None:
        self.ended = asyncio.Event()
        self.status = EngineStatus("scripted")
        self.service = Service(self.status, self.ended.set, LIMIT, max_requests=MOST)
        self.thread = ModelThreads()
        tokens = {} if listener.family == socket.AF_UNIX else {listener.getsockname()[1]: token}
        config = uvicorn.Config(
            LoopbackGuard(create_app(self.service), tokens, page_token),
            http=partial(GuardedProtocol, limiter=ConnectionLimiter()),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.task = asyncio.ensure_future(self.server.serve([listener]))

    def ready(self) -> None:
        wasted = self.service.metrics.wasted
        self.service.scheduler = Scheduler(ScriptedBackend(), self.thread, 2, wasted)
        self.status.ready("scripted")

    async def end(self) -> None:
        if self.service.scheduler is not None:
            self.service.scheduler.stop_all("the test ends")
        self.server.should_exit = True
        await self.task
        assert await asyncio.to_thread(self.thread.close, WAIT_S)


async def until_busy(scheduler: Scheduler, busy: bool) -> None:
    """Wait until the scheduler is busy or idle."""
    async with asyncio.timeout(WAIT_S):
        while (scheduler.idle_seconds() == 0) is not busy:
            await asyncio.sleep(0.002)
