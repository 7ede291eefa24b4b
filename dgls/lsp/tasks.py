"""The tasks of one session of the server, which end with it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from dgls.lsp.jsonrpc.arrival import arrival
from dgls.lsp.jsonrpc.errors import clean_error

P = ParamSpec("P")
R = TypeVar("R")


class Tasks:
    """The running coroutines."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine in the background; it ends with the session."""
        self._add(asyncio.ensure_future(coroutine))

    @contextmanager
    def handling(self) -> Iterator[None]:
        """A context for handling a message: the task ends with the session, its errors are clean.

        An error for the client has no traceback and no file path.
        """
        task = asyncio.current_task()
        assert task is not None
        self._add(task)
        try:
            yield
        except Exception as error:
            raise clean_error(error) from None
        finally:
            arrival().end()

    def guarded(self, handler: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        """The handler, run inside `handling`."""

        @functools.wraps(handler)
        async def guard(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.handling():
                return await handler(*args, **kwargs)

        return guard

    async def end(self) -> None:
        """Cancel all but the caller's own, and return when they have ended."""
        own = asyncio.current_task()
        tasks = [task for task in self._running if task is not own]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, task: asyncio.Task[Any]) -> None:
        self._running.add(task)
        task.add_done_callback(self._running.discard)
