"""The one thread that runs the model, so that the event loop stays free to hear a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class ModelThread:
    """Runs blocking calls one after another. Belongs to the event loop that creates it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon, because a model that loads for minutes must not keep a stopped engine alive.
        self._thread = threading.Thread(target=self._work, name="dgls-model", daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """The result of `call`, which runs in the thread when those before it have ended."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put(lambda: self._settle(future, call))
        return future

    def tell(self, call: Callable[[], None]) -> None:
        """Run `call` in the event loop; for the thread, while it works."""
        # The loop may have ended meanwhile; then nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def close(self, timeout_s: float) -> bool:
        """End the thread after its current call. False where that takes longer than the timeout."""
        self._calls.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def _settle(self, future: asyncio.Future[T], call: Callable[[], T]) -> None:
        try:
            result = call()
        except BaseException as error:
            failure = error
            self.tell(lambda: _unless_done(future, lambda: future.set_exception(failure)))
        else:
            self.tell(lambda: _unless_done(future, lambda: future.set_result(result)))


def _unless_done(future: asyncio.Future[T], settle: Callable[[], None]) -> None:
    """Settle a future that was not cancelled meanwhile."""
    if not future.done():
        settle()
