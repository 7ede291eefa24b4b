"""A backend's work while no request is running: preparing the next fill, and measurements."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from dgls.engine.backends.base import Backend
from dgls.engine.worker import ModelThreads
from dgls.errors import Stopped
from dgls.fill.filler import HasIdleWork
from dgls.fill.stop import StopToken

log = logging.getLogger(__name__)

PAUSE_S = 0.05
"""This many seconds after a fill, the backend begins to prepare the next one."""

QUIET_S = 20.0
"""This many seconds after a fill, or after its start, it begins longer work."""


class IdleWork:
    """Runs a backend's idle work in pieces until a request arrives. Belongs to the event loop.

    `rest` begins an idle time and `busy` ends it. A failure is logged; the work that failed is
    skipped, for this pause or permanently.
    """

    def __init__(self, backend: Backend, threads: ModelThreads) -> None:
        self._backend = backend if isinstance(backend, HasIdleWork) else None
        self._threads = threads
        self._timers: list[asyncio.TimerHandle] = []
        self._ended = StopToken()
        self._has_longer_work = True
        self._after(QUIET_S, self._use_quiet)

    def busy(self) -> None:
        """A fill has arrived: start no more pieces, and stop one for the next fill soon."""
        self._ended.stop("a fill is waiting")
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def rest(self) -> None:
        """No fill is wanted now."""
        self.busy()
        self._ended = StopToken()
        self._after(PAUSE_S, self._use_pause)
        self._after(QUIET_S, self._use_quiet)

    def _after(self, seconds: float, use: Callable[[StopToken], None]) -> None:
        if self._backend is not None:
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(seconds, use, self._ended))

    def _use_pause(self, ended: StopToken) -> None:
        assert self._backend is not None
        piece = self._threads.run(partial(self._backend.use_pause, ended))
        piece.add_done_callback(partial(self._go_on_in_pause, ended))

    def _go_on_in_pause(self, ended: StopToken, piece: asyncio.Future[bool]) -> None:
        error = piece.exception()
        if error is not None and not isinstance(error, Stopped):
            log.error("nothing was prepared for the next fill", exc_info=error)
        elif error is None and piece.result() and not ended.stopped:
            self._use_pause(ended)

    def _use_quiet(self, ended: StopToken) -> None:
        assert self._backend is not None
        if self._has_longer_work:
            piece = self._threads.run(self._backend.use_idle_time)
            piece.add_done_callback(partial(self._go_on_in_quiet, ended))

    def _go_on_in_quiet(self, ended: StopToken, piece: asyncio.Future[bool]) -> None:
        error = piece.exception()
        if error is not None:
            log.error("background work failed and will not be tried again", exc_info=error)
        self._has_longer_work = error is None and piece.result()
        if not ended.stopped:
            self._use_quiet(ended)
