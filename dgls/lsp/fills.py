"""Fills that are made once: a cache of replies, shared requests, and one fill ahead."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from dgls.errors import Stopped
from dgls.lsp.failures import ignore_failure
from dgls.policy.rhythm import quantile
from dgls.protocol import FillReply, FillRequest, Trigger
from dgls.protocol_json import to_json

Ask: TypeAlias = Callable[[FillRequest], Awaitable[FillReply]]

AHEAD_AFTER_S = 0.15
"""How many seconds a suggestion is on the screen before the gap after it is filled ahead."""

_MAX_REPLIES = 64
_MEASURED = 20

_BROKEN_OFF_MS = 1_000.0
"""A wait that the user broke off by typing on counts from here; a shorter one tells nothing."""


@dataclass
class Fills:
    """Cached replies by request, and running fills.

    Belongs to one event loop. Equal requests share one fill; a fill that nobody waits for any more
    is cancelled, which stops it in the engine.
    """

    last: tuple[FillRequest, FillReply] | None = None
    """The last reply and its request, without fills ahead; kept for `dgls.why`."""

    _replies: OrderedDict[bytes, FillReply] = field(default_factory=OrderedDict)
    _running: dict[bytes, _Running] = field(default_factory=dict)
    _ahead: asyncio.Task[None] | None = None
    _keyed: tuple[FillRequest, bytes] | None = None
    _waited_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_MEASURED))
    _closes: int = 0

    def known(self, request: FillRequest) -> bool:
        """Whether the reply is cached."""
        return self._key(request) in self._replies

    @property
    def p50_ms(self) -> float | None:
        """The median wait in ms for the last fills during typing; None before the first.

        A wait that was broken off late counts, too: if every fill is slow, no wait reaches its end.
        """
        return quantile(tuple(self._waited_ms), 0.5) if self._waited_ms else None

    async def get(self, request: FillRequest, ask: Ask) -> FillReply:
        """The reply: from the cache, from a running fill, or by `ask`. Raises the errors of `ask`.

        A fill ahead for anything else is cancelled, because the model is needed here.
        """
        key, closes = self._key(request), self._closes
        if key in self._replies:
            self._replies.move_to_end(key)
            reply = self._replies[key]
        else:
            begun = time.monotonic()
            if key not in self._running:
                self.stop_ahead()
                self._begin(key, asyncio.ensure_future(ask(request)))
            try:
                reply = await self._wait_for(key)
            except (asyncio.CancelledError, Stopped):
                self._measure(request, begun, least_ms=_BROKEN_OFF_MS)
                raise
            self._measure(request, begun)
        if closes == self._closes:
            self.last = (request, reply)
        return reply

    def fill_ahead(self, make: Callable[[], FillRequest | None], ask: Ask) -> None:
        """Make the fill that will probably be requested next, unless the model is needed.

        `make` is called after a moment, in which the user may type on. It returns None if nothing
        is wanted any more.
        """
        self.stop_ahead()
        self._ahead = asyncio.ensure_future(self._fill_ahead(make, ask))
        self._ahead.add_done_callback(ignore_failure)

    def stop_ahead(self) -> None:
        """Cancel the fill ahead, unless a request waits for it already."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    def closed(self) -> None:
        """Drop the last request, which may have parts of a document that was closed now."""
        self._closes += 1
        self.last = self._keyed = None

    def forget(self) -> None:
        """Drop every reply, because another model will answer."""
        self.stop_ahead()
        self._replies.clear()
        # Running fills still answer their waiters, but are neither cached nor shared.
        self._running.clear()
        self._waited_ms.clear()

    def _measure(self, request: FillRequest, begun: float, least_ms: float = 0.0) -> None:
        waited_ms = 1000 * (time.monotonic() - begun)
        if request.trigger is Trigger.AUTOMATIC and waited_ms >= least_ms:
            self._waited_ms.append(waited_ms)

    def _key(self, request: FillRequest) -> bytes:
        """The digest of a request; the newest one is cached, because it is needed twice."""
        if self._keyed is None or self._keyed[0] is not request:
            self._keyed = (request, _digest(request))
        return self._keyed[1]

    async def _fill_ahead(self, make: Callable[[], FillRequest | None], ask: Ask) -> None:
        await asyncio.sleep(AHEAD_AFTER_S)
        request = None if self._running else make()
        if request is not None and not self.known(request):
            key = self._key(request)
            self._begin(key, asyncio.ensure_future(ask(request)))
            await self._wait_for(key)

    def _begin(self, key: bytes, task: asyncio.Task[FillReply]) -> None:
        """Share a new fill, and cache its reply."""
        self._running[key] = _Running(task)
        task.add_done_callback(ignore_failure)
        task.add_done_callback(partial(self._keep, key))

    async def _wait_for(self, key: bytes) -> FillReply:
        """The reply of a running fill. The last waiter to leave cancels the fill."""
        running = self._running[key]
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if not running.waiting:
                running.task.cancel()
                if self._running.get(key) is running:
                    del self._running[key]

    def _keep(self, key: bytes, task: asyncio.Task[FillReply]) -> None:
        """Cache a complete reply, unless the cache was cleared meanwhile."""
        running = self._running.get(key)
        if running is None or running.task is not task or task.cancelled() or task.exception():
            return
        if task.result().complete:
            self._replies[key] = task.result()
            while len(self._replies) > _MAX_REPLIES:
                self._replies.popitem(last=False)


@dataclass
class _Running:
    task: asyncio.Task[FillReply]
    waiting: int = 0


def _digest(request: FillRequest) -> bytes:
    """A digest of everything that affects the reply; client and version do not.

    The request itself would keep its part of the document alive as long as the reply.
    """
    parts = ("",) * len(request.parts)
    named = replace(request, version=0, client="", method="", parts=parts, around=("", ""))
    digest = hashlib.blake2b(digest_size=16)
    # The text is most of a request, and need not be encoded as JSON again.
    for text in (to_json(named), *request.parts, *request.around):
        data = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.digest()
