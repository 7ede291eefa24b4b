"""What runs for one session of the server, and ends with it."""

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
    """The coroutines that are under way."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside the requests; it ends with the session."""
        self._add(asyncio.ensure_future(coroutine))

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Deal with a message: the current task ends with the session, and its errors are clean.

        What the client sees of an error has no traceback and no file path.
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
        """The handler as one that deals with its message as `handling` says."""

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
