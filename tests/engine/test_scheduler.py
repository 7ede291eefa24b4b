"""Which fill runs, which is stopped, and that each request gets exactly one answer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator

import pytest

from dgls.engine.scheduler import Scheduler
from dgls.engine.worker import ModelThreads
from dgls.errors import EngineBusyError
from dgls.protocol import Draft, Timings, Trigger
from tests.support.gated import WAIT_S, GatedBackend, outcome, request, started, until


@pytest.fixture
def backend() -> GatedBackend:
    return GatedBackend()


@pytest.fixture
async def scheduler(backend: GatedBackend) -> AsyncIterator[Scheduler]:
    thread = ModelThreads()
    scheduler = Scheduler(backend, thread, max_waiting=3)
    yield scheduler
    scheduler.stop_all("the test ends")
    assert await asyncio.to_thread(thread.close, WAIT_S)


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        pytest.param({}, {}, ["Stopped", "2"], id="newer automatic supersedes"),
        pytest.param({}, {"path": "b.py"}, ["1", "2"], id="other document does not"),
        pytest.param({}, {"client": "other"}, ["1", "2"], id="other client does not"),
        pytest.param({}, {"method": "completion"}, ["1", "2"], id="other method does not"),
        pytest.param({}, {"trigger": Trigger.EXPLICIT}, ["1", "2"], id="explicit does not"),
        pytest.param({"trigger": Trigger.EXPLICIT}, {}, ["1", "2"], id="explicit stays"),
        pytest.param(
            {"trigger": Trigger.EXPLICIT},
            {"trigger": Trigger.EXPLICIT},
            ["1", "2"],
            id="explicit stays before explicit",
        ),
    ],
)
@pytest.mark.parametrize("is_waiting", [False, True], ids=["running", "waiting"])
async def test_only_a_newer_automatic_request_of_the_same_place_supersedes(
    scheduler: Scheduler,
    backend: GatedBackend,
    older: dict[str, object],
    newer: dict[str, object],
    expected: list[str],
    is_waiting: bool,
) -> None:
    ahead = [request("0", path="busy.py")] if is_waiting else []
    pair = [request("1", **older), request("2", **newer)]  # type: ignore[arg-type]
    tasks = await started(scheduler, backend, *ahead, *pair)
    if "Stopped" in expected:
        # The older one is answered at once, though the model is still busy.
        assert await outcome(tasks[len(ahead)]) == "Stopped"
    backend.gate.set()
    assert [await outcome(task) for task in tasks[len(ahead) :]] == expected


async def test_a_superseded_fill_is_stopped_before_its_next_step(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    first, second = await started(scheduler, backend, request("1"), request("2"))
    assert await outcome(first) == "Stopped"
    await until(lambda: backend.begun == ["1", "2"])
    assert backend.steps_after_stop <= 1
    backend.gate.set()
    assert await outcome(second) == "2"


async def test_of_a_flood_of_keystrokes_only_the_first_and_last_are_filled(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    tasks = await started(scheduler, backend, request("0"))
    flood = [request(str(number)) for number in range(1, 200)]
    tasks += [asyncio.ensure_future(scheduler.fill(one)) for one in flood]
    await until(lambda: backend.begun == ["0", "199"])
    backend.gate.set()
    outcomes = [await outcome(task) for task in tasks]
    assert outcomes == ["Stopped"] * 199 + ["199"]


async def test_documents_take_turns(scheduler: Scheduler, backend: GatedBackend) -> None:
    explicit = Trigger.EXPLICIT
    wanted = [
        request("a1", "a.py", trigger=explicit),
        request("a2", "a.py", trigger=explicit),
        request("a3", "a.py", trigger=explicit),
        request("b1", "b.py", trigger=explicit),
    ]
    tasks = await started(scheduler, backend, *wanted)
    backend.gate.set()
    await asyncio.gather(*tasks)
    assert backend.begun == ["a1", "a2", "b1", "a3"]


async def test_too_many_waiting_requests_are_refused_and_the_others_answered(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    wanted = [request(str(n), f"{n}.py") for n in range(5)]
    tasks = await started(scheduler, backend, *wanted)
    assert await outcome(tasks[4]) == "EngineBusyError"
    newer = asyncio.ensure_future(scheduler.fill(request("newer", "3.py")))
    assert await outcome(tasks[3]) == "Stopped"
    backend.gate.set()
    answered = [await outcome(task) for task in [*tasks[:3], newer]]
    assert answered == ["0", "1", "2", "newer"]


async def test_a_refused_request_stops_nothing(scheduler: Scheduler, backend: GatedBackend) -> None:
    others = [request(str(n), f"{n}.py") for n in range(3)]
    running, *waiting = await started(scheduler, backend, request("a1"), *others)
    with pytest.raises(EngineBusyError):
        await scheduler.fill(request("a2"))
    backend.gate.set()
    assert [await outcome(task) for task in [running, *waiting]] == ["a1", "0", "1", "2"]


async def test_cancelling_the_call_frees_the_model(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    running, waiting, last = await started(
        scheduler, backend, request("1"), request("2", "b.py"), request("3", "c.py")
    )
    waiting.cancel()
    running.cancel()
    await until(lambda: backend.begun == ["1", "3"])
    backend.gate.set()
    assert await outcome(last) == "3"
    assert running.cancelled()
    assert waiting.cancelled()


@pytest.mark.parametrize(
    ("path", "expected"), [("bug.py", "EngineError"), ("refuse.py", "LanguageError")]
)
async def test_a_failed_fill_is_one_error_and_the_next_one_works(
    scheduler: Scheduler, backend: GatedBackend, path: str, expected: str
) -> None:
    failing = asyncio.ensure_future(scheduler.fill(request("1", path)))
    assert await outcome(failing) == expected
    assert "secret" not in str(failing.exception())
    backend.gate.set()
    assert await outcome(asyncio.ensure_future(scheduler.fill(request("2")))) == "2"


async def test_time_in_the_queue_counts_against_the_deadline(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    first, second = await started(
        scheduler, backend, request("1"), request("2", "b.py", deadline_ms=10_000)
    )
    waited = time.monotonic()
    await until(lambda: time.monotonic() - waited > 0.03)
    backend.gate.set()
    await first
    reply = await second
    left = backend.deadlines[1]
    assert left is not None
    assert 0 < left < 10_000 - 30
    assert reply.timings == Timings(
        queue_ms=reply.timings.queue_ms, total_ms=reply.timings.queue_ms
    )
    assert reply.timings.queue_ms == pytest.approx(10_000 - left)


async def test_a_request_whose_deadline_passed_in_the_queue_still_gets_a_moment(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    first, second = await started(
        scheduler, backend, request("1"), request("2", "b.py", deadline_ms=0.001)
    )
    backend.gate.set()
    await asyncio.gather(first, second)
    left = backend.deadlines[1]
    assert left is not None
    assert left > 0


async def test_drafts_arrive_on_the_event_loop_and_never_after_the_answer(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    seen: list[str] = []

    def on_draft(draft: Draft) -> None:
        seen.append(threading.current_thread().name)

    task = asyncio.ensure_future(scheduler.fill(request("1"), on_draft))
    await until(lambda: len(seen) > 2)
    newer = asyncio.ensure_future(scheduler.fill(request("2")))
    assert await outcome(task) == "Stopped"
    count = len(seen)
    backend.gate.set()
    await newer
    assert len(seen) == count
    assert set(seen) == {threading.main_thread().name}


async def test_the_engine_is_idle_only_when_nothing_runs_or_waits(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    (task,) = await started(scheduler, backend, request("1"))
    assert scheduler.idle_seconds() == 0
    backend.gate.set()
    await task
    await until(lambda: scheduler.idle_seconds() > 0)


async def test_a_remote_backend_runs_several_fills_at_once() -> None:
    backend, thread = GatedBackend(concurrency=2), ModelThreads()
    scheduler = Scheduler(backend, thread, max_waiting=3)
    names = ("1", "2", "3")
    tasks = [asyncio.ensure_future(scheduler.fill(request(name, name))) for name in names]
    await until(lambda: len(backend.begun) == 2)
    newer = asyncio.ensure_future(scheduler.fill(request("2b", "2")))
    assert await outcome(tasks[1]) == "Stopped"
    await until(lambda: len(backend.begun) == 3)
    backend.gate.set()
    assert [await outcome(task) for task in (tasks[0], tasks[2], newer)] == ["1", "3", "2b"]
    assert backend.begun[2:] == ["3", "2b"]
    assert await asyncio.to_thread(thread.close, WAIT_S)


async def test_when_the_engine_ends_every_request_is_answered(
    scheduler: Scheduler, backend: GatedBackend
) -> None:
    tasks = await started(scheduler, backend, request("1"), request("2", "b.py"))
    scheduler.stop_all("the engine ends")
    assert [await outcome(task) for task in tasks] == ["Stopped", "Stopped"]


async def test_a_backend_that_switches_to_a_server_then_runs_several_fills() -> None:
    backend, threads = GatedBackend(concurrency=1), ModelThreads()
    scheduler = Scheduler(backend, threads, max_waiting=3)
    backend.concurrency = 2
    tasks = [asyncio.ensure_future(scheduler.fill(request(name, name))) for name in ("1", "2")]
    await until(lambda: len(backend.begun) == 2)
    backend.gate.set()
    assert [await outcome(task) for task in tasks] == ["1", "2"]
    assert await asyncio.to_thread(threads.close, WAIT_S)
