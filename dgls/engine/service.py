"""What the routes serve: the engine's state, who is let in, and each fill with its figures."""

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
    """No fill can be asked for now; `reason` says why."""

    def __init__(self, reason: DglsError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Service:
    """One engine as HTTP sees it. `scheduler` is None until the model is loaded.

    `budget` is how much context other people's clients get of what they send.
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
        """Count one more request of a source while it is answered.

        Raises `EngineBusyError` for too many. A source that has next to none is let in all the
        same, so that a neighbour with many half requests cannot keep the user's editor out.
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
        """What fills. Raises `NotReadyError`."""
        if self.scheduler is None:
            raise NotReadyError(self.status.why_not_ready())
        return self.scheduler

    async def fill(self, request: FillRequest, on_draft: OnDraft | None = None) -> FillReply:
        """One fill, counted. Raises `NotReadyError`, or what `Scheduler.fill` raises."""
        scheduler = self.check_ready()
        try:
            reply = await scheduler.fill(request, on_draft)
        except (asyncio.CancelledError, DglsError) as error:
            self.metrics.ended(_outcome(error))
            raise
        self.metrics.filled(reply)
        # `dgls why` explains fills.
        if reply.candidates and not request.instruction:
            self._last = (request, reply, time.monotonic())
        return reply

    @property
    def last(self) -> LastFill | None:
        """The newest fill. It is in memory alone, for its user's own `dgls why`."""
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
