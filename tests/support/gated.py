"""A backend whose fills wait for a gate, and what tests of the scheduler do with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from dgls.engine.scheduler import Scheduler
from dgls.errors import EngineError, LanguageError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import (
    Draft,
    Fill,
    FillReply,
    FillRequest,
    Limits,
    OnDraft,
    OnProgress,
    Trigger,
)

WAIT_S = 10.0


class GatedBackend:
    """Each fill waits for `gate`, or for its stop, like a fill between two denoise steps."""

    name = "gated"

    def __init__(self, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.gate = threading.Event()
        self.begun: list[str] = []
        self.deadlines: list[float | None] = []
        self.steps_after_stop = 0

    def load(self, progress: OnProgress) -> None:
        progress(1.0, "")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        self.begun.append(request.parts[0])
        self.deadlines.append(request.limits.deadline_ms)
        if request.path == "bug.py":
            raise ValueError("a secret")
        if request.path == "refuse.py":
            raise LanguageError("No.")
        while not self.gate.wait(0.002):
            self.steps_after_stop += stop.stopped
            stop.check()
            if on_draft is not None:
                on_draft(Draft(1, ("draft",)))
        return FillReply((Fill((request.parts[0],), 0.0, 1.0),), self.name)


def request(
    name: str,
    path: str = "a.py",
    client: str = "editor",
    method: str = "inline",
    trigger: Trigger = Trigger.AUTOMATIC,
    deadline_ms: float | None = None,
) -> FillRequest:
    return FillRequest(
        (name, ""),
        path=path,
        client=client,
        method=method,
        trigger=trigger,
        limits=Limits(deadline_ms),
    )


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.001)


async def started(
    scheduler: Scheduler, backend: GatedBackend, *wanted: FillRequest
) -> list[asyncio.Future[FillReply]]:
    """The fills as tasks; the first is running, the others wait."""
    tasks = []
    for one in wanted:
        tasks.append(asyncio.ensure_future(scheduler.fill(one)))
        await asyncio.sleep(0)
        await until(lambda: backend.begun)
    return tasks


async def outcome(task: asyncio.Future[FillReply]) -> str:
    """What was filled, or the name of the error."""
    try:
        async with asyncio.timeout(WAIT_S):
            return (await task).best.texts[0]
    except (Stopped, EngineError, LanguageError) as error:
        return type(error).__name__
