"""Fills that are made once: a result cache, requests that share one fill, and one made ahead."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from dgls.policy.rhythm import quantile
from dgls.protocol import FillReply, FillRequest
from dgls.protocol_json import to_json

Ask: TypeAlias = Callable[[FillRequest], Awaitable[FillReply]]

AHEAD_AFTER_S = 0.15
"""How long a suggestion is on the screen before the gap after it is filled ahead."""

_MOST_REPLIES = 64
_MEASURED = 20


@dataclass
class Fills:
    """Replies by what was asked, and those on their way.

    Belongs to one event loop. What is asked for twice is filled once; a fill that nobody waits
    for any more is cancelled, and by that stopped in the engine.
    """

    last: tuple[FillRequest, FillReply] | None = None
    """The newest reply that was asked for, and its request; kept for `dgls.why`."""

    _replies: OrderedDict[bytes, FillReply] = field(default_factory=OrderedDict)
    _running: dict[bytes, _Running] = field(default_factory=dict)
    _ahead: asyncio.Task[None] | None = None
    _taken_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_MEASURED))
    _closes: int = 0

    def known(self, request: FillRequest) -> bool:
        """Whether the reply is there already."""
        return _key(request) in self._replies

    @property
    def p50_ms(self) -> float | None:
        """How long half of the last fills took at most, None before the first."""
        return quantile(tuple(self._taken_ms), 0.5) if self._taken_ms else None

    async def get(self, request: FillRequest, ask: Ask) -> FillReply:
        """The reply: from the cache, from a fill on its way, or by asking. Raises what `ask` does.

        A fill ahead for anything else is cancelled: the model is needed here.
        """
        key, closes = _key(request), self._closes
        if key in self._replies:
            self._replies.move_to_end(key)
            reply = self._replies[key]
        else:
            if key not in self._running:
                self.stop_ahead()
            reply = await self._shared(key, request, ask)
        if closes == self._closes:
            self.last = (request, reply)
        return reply

    def fill_ahead(
        self,
        request: FillRequest,
        ask: Ask,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Fill what will probably be asked for next, unless somebody needs the model.

        It begins after a moment, in which the user may type on so that it `is_wanted` no more.
        """
        self.stop_ahead()
        self._ahead = asyncio.ensure_future(self._fill_ahead(request, ask, is_wanted))
        self._ahead.add_done_callback(_retrieve)

    def stop_ahead(self) -> None:
        """Cancel the fill that was made ahead, where nobody waits for it yet."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    def closed(self) -> None:
        """Let go of the last request: it may hold parts of a document that was closed now."""
        self._closes += 1
        self.last = None

    def forget(self) -> None:
        """Drop every reply: another model would answer otherwise."""
        self.stop_ahead()
        self._replies.clear()
        self._taken_ms.clear()

    async def _fill_ahead(
        self, request: FillRequest, ask: Ask, is_wanted: Callable[[], bool]
    ) -> None:
        await asyncio.sleep(AHEAD_AFTER_S)
        if is_wanted() and not self.known(request) and not self._running:
            await self._shared(_key(request), request, ask)

    async def _shared(self, key: bytes, request: FillRequest, ask: Ask) -> FillReply:
        running = self._running.get(key)
        if running is None:
            running = _Running(asyncio.ensure_future(self._fill(key, request, ask)))
            running.task.add_done_callback(_retrieve)
            self._running[key] = running
        running.waiting += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiting -= 1
            if not running.waiting:
                running.task.cancel()
                if self._running.get(key) is running:
                    del self._running[key]

    async def _fill(self, key: bytes, request: FillRequest, ask: Ask) -> FillReply:
        begun = time.monotonic()
        reply = await ask(request)
        self._taken_ms.append(1000 * (time.monotonic() - begun))
        if reply.complete:
            self._replies[key] = reply
            while len(self._replies) > _MOST_REPLIES:
                self._replies.popitem(last=False)
        return reply


@dataclass
class _Running:
    task: asyncio.Task[FillReply]
    waiting: int = 0


def _key(request: FillRequest) -> bytes:
    """A digest of what decides the reply; who asks, for which version, does not.

    The request itself would keep its part of the document as long as the reply is kept.
    """
    what = to_json(replace(request, version=0, client="", method=""))
    return hashlib.blake2b(what.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Look at a failure that nobody may be waiting for, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
