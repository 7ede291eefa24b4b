"""Schedules fills on the model and stops those that are no longer wanted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from dgls.engine.backends.base import Backend
from dgls.engine.idle import IdleWork
from dgls.engine.queue import FairQueue, Job
from dgls.engine.worker import ModelThreads
from dgls.errors import DglsError, EngineBusyError, EngineError, Stopped
from dgls.fill.stop import StopToken
from dgls.protocol import Draft, FillReply, FillRequest, OnDraft

log = logging.getLogger(__name__)

_MIN_DEADLINE_MS = 1.0


class Scheduler:
    """Runs as many fills at once as the backend can. Methods belong to the event loop.

    A local model runs one at a time. A newer automatic request stops an older one of the same
    client, document and method, running or waiting. The older one gets `Stopped` at once; the model
    is free for the newer one after its current pass. `on_wasted` is called in the model's thread
    with the seconds spent on a stopped fill.
    """

    def __init__(
        self,
        backend: Backend,
        threads: ModelThreads,
        max_waiting: int,
        on_wasted: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._backend = backend
        self._threads = threads
        self._max_waiting = max_waiting
        self._on_wasted = on_wasted
        self._waiting = FairQueue()
        self._running: list[Job] = []
        self._last_use = time.monotonic()
        self._idle = IdleWork(backend, threads)

    async def fill(self, request: FillRequest, on_draft: OnDraft | None = None) -> FillReply:
        """One fill; cancelling the call stops it. `on_draft` is called in the event loop.

        Raises `Stopped`, `EngineBusyError`, or the error that ended the fill.
        """
        job = Job(request, asyncio.get_running_loop().create_future(), on_draft)
        self._admit(job)
        self._start_next()
        try:
            return await job.answer
        except asyncio.CancelledError:
            self._end(job, "cancelled")
            raise
        finally:
            self._last_use = time.monotonic()

    def stop_all(self, reason: str) -> None:
        """Answer every fill with `Stopped`, because the engine is ending."""
        for job in [*self._waiting, *self._running]:
            self._end(job, reason)

    @property
    def waiting(self) -> int:
        """How many fills are waiting for the model."""
        return len(self._waiting)

    def idle_seconds(self) -> float:
        """The seconds since the last fill; 0 during a fill."""
        return 0.0 if self._is_busy else time.monotonic() - self._last_use

    @property
    def _is_busy(self) -> bool:
        return len(self._running) + len(self._waiting) > 0

    def _admit(self, job: Job) -> None:
        self._last_use = job.arrived
        self._idle.busy()
        older = self._waiting.superseded_by(job)
        is_full = older is None and len(self._waiting) >= self._max_waiting
        # One request per client is always let in; the number of requests is limited too.
        if is_full and self._waiting.has_of(job.request.client):
            raise EngineBusyError(
                f"{len(self._waiting)} requests are already waiting for the model, so this one "
                "was refused. Try again."
            )
        self._waiting.put(job)
        if older is not None:
            self._end(older, "superseded")
        for running in self._running:
            if job.supersedes(running):
                self._end(running, "superseded")

    def _end(self, job: Job, reason: str) -> None:
        """Stop a job and answer it. A running one frees the model once it notices."""
        job.stop.stop(reason)
        self._waiting.remove(job)
        if not job.answer.done():
            job.answer.set_exception(_stopped(job.stop))

    def _start_next(self) -> None:
        # A backend that switches from a local model to a server can run more at once.
        self._threads.widen(self._backend.concurrency)
        while len(self._running) < self._backend.concurrency:
            job = self._waiting.take()
            if job is None:
                return
            self._running.append(job)
            future = self._threads.run(partial(self._run, job))
            future.add_done_callback(partial(self._finish, job))

    def _finish(self, job: Job, future: asyncio.Future[FillReply]) -> None:
        self._running.remove(job)
        error = future.exception()
        if not job.answer.done():
            if error is None:
                job.answer.set_result(future.result())
            else:
                job.answer.set_exception(_as_dgls_error(error))
        self._start_next()
        if not self._is_busy:
            self._idle.rest()

    def _run(self, job: Job) -> FillReply:
        """The fill itself, in the model's thread."""
        job.stop.check()
        waited_ms = 1000 * (time.monotonic() - job.arrived)
        request = _with_less_time(job.request, waited_ms)
        on_draft = None if job.on_draft is None else lambda draft: self._pass_on(job, draft)
        began = time.monotonic()
        try:
            reply = self._backend.fill(request, job.stop, on_draft)
        except Stopped:
            self._on_wasted(time.monotonic() - began)
            raise
        times = reply.timings
        timings = replace(times, queue_ms=waited_ms, total_ms=times.total_ms + waited_ms)
        return replace(reply, timings=timings)

    def _pass_on(self, job: Job, draft: Draft) -> None:
        def deliver() -> None:
            if job.on_draft is not None and not job.answer.done():
                job.on_draft(draft)

        self._threads.tell(deliver)


def _with_less_time(request: FillRequest, waited_ms: float) -> FillRequest:
    """The request with the rest of its deadline, which counts from its arrival."""
    limits = request.limits
    if limits.deadline_ms is None:
        return request
    left = max(_MIN_DEADLINE_MS, limits.deadline_ms - waited_ms)
    return replace(request, limits=replace(limits, deadline_ms=left))


def _stopped(stop: StopToken) -> Stopped:
    try:
        stop.check()
    except Stopped as stopped:
        return stopped
    raise AssertionError("a job that is ended is stopped")


def _as_dgls_error(error: BaseException) -> DglsError:
    """The error to show: an unexpected one is logged, and only its class is named."""
    if isinstance(error, DglsError):
        return error
    log.error("a fill failed", exc_info=error)
    return EngineError(
        f"The engine failed in a fill ({type(error).__name__}); nothing was changed, "
        "and its log says where."
    )
