"""The service behind the routes: engine state, admission, and fills with metrics."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dgls.engine.metrics import Metrics
from dgls.engine.scheduler import Scheduler
from dgls.engine.status import EngineStatus
from dgls.errors import DglsError, EngineBusyError, InputError, Stopped
from dgls.protocol import EngineState, FillReply, FillRequest, LastFill, OnDraft
from dgls.syntax.cursor import Budget


class NotReadyError(Exception):
    """No fill is possible now; `reason` tells why."""

    def __init__(self, reason: DglsError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Service:
    """One engine for HTTP. `scheduler` is None until the model is loaded.

    `budget` limits the context of other clients' requests.
    """

    def __init__(
        self,
        status: EngineStatus,
        shut_down: Callable[[], None],
        max_request_bytes: int,
        max_requests: int,
        budget: Budget | None = None,
    ) -> None:
        self.status = status
        self.shut_down = shut_down
        self.max_request_bytes = max_request_bytes
        self.budget = budget or Budget()
        self.scheduler: Scheduler | None = None
        self.requests = 0
        self.started = int(time.time())
        self.metrics = Metrics()
        self._max_requests = max_requests
        self._kept = max(1, max_requests // 32)
        self._by_source: Counter[str] = Counter()
        self._last: tuple[FillRequest, FillReply, float] | None = None
        self._watch()

    @contextmanager
    def admitted(self, source: str) -> Iterator[None]:
        """A context that counts one more request of a source.

        Raises `EngineBusyError` for too many. A source with almost no requests is always let in, so
        that another with many unfinished requests cannot lock out the user's editor.
        """
        is_full = self.requests >= self._max_requests
        if is_full and (
            self._by_source[source] >= self._kept or self.requests >= 2 * self._max_requests
        ):
            raise EngineBusyError(
                "The engine already has too many requests, so this one was refused. Try again."
            )
        self.requests += 1
        self._by_source[source] += 1
        try:
            yield
        finally:
            self.requests -= 1
            self._by_source[source] -= 1
            if not self._by_source[source]:
                del self._by_source[source]

    def check_ready(self) -> Scheduler:
        """The scheduler. Raises `NotReadyError` if fills are not possible yet."""
        if self.scheduler is None:
            raise NotReadyError(self.status.why_not_ready())
        return self.scheduler

    async def fill(self, request: FillRequest, on_draft: OnDraft | None = None) -> FillReply:
        """One fill, counted. Raises `NotReadyError`, or the errors of `Scheduler.fill`."""
        scheduler = self.check_ready()
        try:
            reply = await scheduler.fill(request, on_draft)
        except (asyncio.CancelledError, DglsError) as error:
            self.metrics.ended(_outcome(error))
            raise
        self.metrics.filled(reply)
        # `dgls why` explains fills, not read-aheads or edits.
        if reply.candidates and not request.instruction:
            self._last = (request, reply, time.monotonic())
        return reply

    @property
    def last(self) -> LastFill | None:
        """The last fill. It is only in memory, for the user's own `dgls why`."""
        if self._last is None:
            return None
        request, reply, made = self._last
        return LastFill(request, reply, time.monotonic() - made)

    def _watch(self) -> None:
        watch = self.metrics.watch
        watch("dgls_requests_in_progress", "Requests being answered.", lambda: self.requests)
        watch(
            "dgls_fills_waiting",
            "Fills that wait for the model.",
            lambda: self.scheduler.waiting if self.scheduler else 0,
        )
        watch(
            "dgls_ready",
            "Whether the model is loaded.",
            lambda: self.status.health.state is EngineState.READY,
        )


def _outcome(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    if isinstance(error, Stopped):
        return "superseded" if error.reason == "superseded" else "stopped"
    if isinstance(error, EngineBusyError):
        return "busy"
    return "refused" if isinstance(error, InputError) else "failed"
