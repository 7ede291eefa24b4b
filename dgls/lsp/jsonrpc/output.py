"""Writes to standard output without blocking when the reader is slow.

An editor may stop reading: it is suspended, or it died while another process keeps its end of the
pipe open. The server must still receive `exit`, and notice that the editor is gone.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""The most bytes that wait for a reader; an editor so far behind does not read at all."""

_LAST_WORDS_S = 0.3
_ATOMIC = getattr(select, "PIPE_BUF", 512)


class Output:
    """Bytes to a descriptor, in order.

    A write that certainly fits is made at once, which saves a thread switch; a thread writes the
    rest. `on_lost` is called, from any thread, when nobody reads any more.
    """

    def __init__(self, descriptor: int, on_lost: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._on_lost = on_lost
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._thread = threading.Thread(target=self._write, daemon=True, name="dgls-stdout")
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Write soon. Data is dropped once too much is unread."""
        with self._lock:
            at_once = not self._waiting_bytes and _fits(self._descriptor, data)
            if not at_once:
                self._waiting_bytes += len(data)
        if at_once:
            self._out(data)
        elif self._waiting_bytes <= MAX_WAITING_BYTES:
            self._queue.put(data)
        else:
            self._on_lost()

    def close(self) -> None:
        """Write what is waiting, if it is read within a moment."""
        self._queue.put(None)
        self._thread.join(_LAST_WORDS_S)

    def _write(self) -> None:
        while (data := self._queue.get()) is not None:
            if not self._out(data):
                return
            with self._lock:
                self._waiting_bytes -= len(data)

    def _out(self, data: bytes) -> bool:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._on_lost()
            return False
        return True


def _fits(descriptor: int, data: bytes) -> bool:
    """Whether a write would not block. False also if the system cannot tell."""
    if sys.platform == "win32" or len(data) > _ATOMIC:
        return False
    with suppress(OSError, ValueError):
        return bool(select.select([], [descriptor], [], 0)[1])
    return False
