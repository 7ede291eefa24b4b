"""What the engine does while nobody asks it for anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from dgls.engine import idle
from dgls.engine.scheduler import Scheduler
from dgls.engine.worker import ModelThreads
from dgls.fill.stop import StopToken
from tests.support.gated import WAIT_S, GatedBackend, outcome, request, started, until


class PatientBackend(GatedBackend):
    """Has three pieces of work for pauses."""

    pieces = 3
    endless = False
    measured = 0
    thread = ""

    def use_pause(self, stop: StopToken) -> bool:
        while self.endless:
            stop.check()
        self.pieces -= 1
        self.thread = threading.current_thread().name
        return self.pieces > 0

    def use_idle_time(self) -> bool:
        self.measured += 1
        return self.measured < 2


@pytest.fixture
def backend() -> PatientBackend:
    backend = PatientBackend()
    backend.gate.set()
    return backend


@pytest.fixture
async def scheduler(backend: PatientBackend) -> AsyncIterator[Scheduler]:
    thread = ModelThreads()
    yield Scheduler(backend, thread, max_waiting=3)
    assert await asyncio.to_thread(thread.close, WAIT_S)


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "QUIET_S", 0.05)


@pytest.mark.usefixtures("impatience")
async def test_idle_time_is_used_until_no_work_is_left(
    backend: PatientBackend, scheduler: Scheduler
) -> None:
    await until(lambda: backend.measured == 2)
    await scheduler.fill(request("1"))
    await until(lambda: backend.pieces == 0)
    await asyncio.sleep(0.1)
    assert backend.measured == 2


async def test_a_pause_after_a_fill_is_used_piece_by_piece(
    backend: PatientBackend, scheduler: Scheduler
) -> None:
    await scheduler.fill(request("1"))
    assert backend.pieces == 3
    await until(lambda: backend.pieces == 0)
    await asyncio.sleep(0.05)
    assert backend.pieces == 0
    assert backend.thread == "dgls-model"


async def test_a_fill_ends_a_pause(backend: PatientBackend, scheduler: Scheduler) -> None:
    backend.endless = True
    await scheduler.fill(request("1"))
    await asyncio.sleep(0.4)
    assert await outcome(asyncio.ensure_future(scheduler.fill(request("2")))) == "2"
    backend.endless = False
    await until(lambda: backend.pieces == 0)


async def test_no_pause_begins_while_a_fill_runs(
    backend: PatientBackend, scheduler: Scheduler
) -> None:
    await scheduler.fill(request("1"))
    backend.gate.clear()
    (task,) = await started(scheduler, backend, request("2"))
    await asyncio.sleep(0.4)
    assert backend.pieces == 3
    backend.gate.set()
    await task
    await until(lambda: backend.pieces == 0)
