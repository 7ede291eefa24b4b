"""The client's messages, read ahead of the one that is being handled.

Clients wait only briefly after `shutdown`. Reading ahead lets the server see `shutdown` and `exit`
on arrival, not after everything that was queued before them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from lsprotocol import types

from dgls.lsp.jsonrpc.messages import Bad, Framer, Message


class Inbox:
    """Messages in order of arrival; created in the running loop.

    `on_exit` is called with the exit status when `exit` arrives, from the feeding thread.
    """

    def __init__(self, on_exit: Callable[[int], None] = lambda exit_status: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_exit = on_exit
        self._framer = Framer()
        self._waiting: deque[Message] = deque()
        self._more = asyncio.Event()
        self._closed = False
        self._begun = False
        self._shut_down = False
        self._came = self._handed = self._end = 0

    @property
    def ending(self) -> bool:
        """Whether the client ended the session after the last message that was handed out."""
        return self._handed < self._end

    def feed(self, data: bytes) -> None:
        """Take in bytes; from any thread, but from only one."""
        for message in self._framer.feed(data):
            self._look_at(message)
            self._waiting.append(message)
        self._wake()

    def close(self) -> None:
        """End the messages after those that have arrived."""
        self._closed = True
        self._wake()

    async def next(self) -> Message | None:
        """The next message; None after the last."""
        message = await self.first()
        if message is not None:
            self._waiting.popleft()
            self._handed += 1
        return message

    async def first(self) -> Message | None:
        """The next message, which stays in the inbox; None after the last."""
        while not self._waiting:
            if self._closed:
                return None
            self._more.clear()
            # A thread may have fed it since the check above.
            if not self._waiting and not self._closed:
                await self._more.wait()
        return self._waiting[0]

    def _look_at(self, message: Message) -> None:
        """Note a message that ends the session."""
        self._came += 1
        if isinstance(message, Bad):
            return
        method = message.get("method")
        if method == types.INITIALIZE:
            self._begun = True
        elif method == types.SHUTDOWN and self._begun and "id" in message:
            self._shut_down, self._end = True, self._came
        elif method == types.EXIT:
            self._end = self._came
            self._on_exit(0 if self._shut_down else 1)

    def _wake(self) -> None:
        """Wake the loop, if it has not ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._more.set)
