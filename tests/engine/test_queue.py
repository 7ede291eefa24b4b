"""The order of what waits for the model, and the model's thread."""

from __future__ import annotations

import asyncio
import threading

from dgls.engine.queue import FairQueue, Job
from dgls.engine.worker import ModelThreads
from dgls.protocol import (
    Trigger,
)
from tests.support.gated import WAIT_S, request, until


async def test_the_event_loop_runs_while_the_model_computes() -> None:
    """The model's thread may compute without ever waiting for anything."""
    thread = ModelThreads()
    begun, done = threading.Event(), threading.Event()

    def compute() -> str:
        begun.set()
        while not done.is_set():
            pass
        return "computed"

    future = thread.run(compute)
    await until(begun.is_set)
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not future.done()
    done.set()
    assert await future == "computed"
    assert await asyncio.to_thread(thread.close, WAIT_S)


async def test_closing_does_not_wait_for_a_busy_thread() -> None:
    thread = ModelThreads()
    gate = threading.Event()
    future = thread.run(gate.wait)
    assert not await asyncio.to_thread(thread.close, 0.01)
    gate.set()
    assert await future
    assert await asyncio.to_thread(thread.close, WAIT_S)


async def test_explicit_requests_run_before_automatic_ones_of_a_document() -> None:
    queue = FairQueue()
    loop = asyncio.get_running_loop()
    jobs = [
        Job(request("automatic"), loop.create_future()),
        Job(request("first", trigger=Trigger.EXPLICIT), loop.create_future()),
        Job(request("second", trigger=Trigger.EXPLICIT), loop.create_future()),
    ]
    for job in jobs:
        queue.put(job)
    taken = [queue.take() for _ in jobs]
    assert [job.request.parts[0] for job in taken if job] == ["first", "second", "automatic"]
    assert queue.take() is None


async def test_a_superseding_request_takes_the_place_in_the_queue() -> None:
    queue = FairQueue()
    loop = asyncio.get_running_loop()
    for name, path in (("a1", "a.py"), ("b1", "b.py"), ("a2", "a.py")):
        queue.put(Job(request(name, path), loop.create_future()))
    first = queue.take()
    assert first is not None
    assert first.request.parts[0] == "a2"
    assert len(queue) == 1
