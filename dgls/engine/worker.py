"""The thread that runs the model, so that the event loop can react to a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
_Work: TypeAlias = tuple[asyncio.Future[Any], Callable[[], Any]]


class ModelThreads:
    """Runs blocking calls one after another. Belongs to the event loop that creates it.

    `widen` allows several at once, for a remote model.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[_Work | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.widen(1)

    def widen(self, calls: int) -> None:
        """Run up to `calls` calls at once from now on; never fewer than before."""
        while len(self._threads) < calls:
            # A daemon, because a model that loads for minutes must not keep a stopped engine alive.
            thread = threading.Thread(target=self._work, name="dgls-model", daemon=True)
            self._threads.append(thread)
            thread.start()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """The result of `call`, which runs in a thread after earlier calls."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((future, call))
        return future

    def tell(self, call: Callable[[], None]) -> None:
        """Run `call` in the event loop; called by a working thread."""
        # The loop may have ended meanwhile.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def close(self, timeout_s: float) -> bool:
        """End the threads after their calls. False if that takes longer than the timeout."""
        deadline = time.monotonic() + timeout_s
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (work := self._calls.get()) is not None:
            future, call = work
            try:
                self.tell(partial(_settle, future, future.set_result, call()))
            except BaseException as error:
                self.tell(partial(_settle, future, future.set_exception, error))
            # A waiting thread must not keep a request and its reply alive.
            del work, future, call


def _settle(future: asyncio.Future[T], how: Callable[[Any], None], outcome: object) -> None:
    """Settle a future, unless it was cancelled meanwhile."""
    if not future.done():
        how(outcome)
