"""The engine's log: errors and their origin, never requests, and of limited size.

An exception's message can quote the text that caused it. So a logged exception shows its class and
its frames in dgls and its libraries, but not its message.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TextIO

ExceptionInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

LARGEST_BYTES = 1_000_000
"""A larger log is emptied."""

OFTEN = 5
"""How often the same record is logged within `WINDOW_S`; more are only counted."""

WINDOW_S = 60.0

_MAX_KINDS = 200


class FramesOnly(logging.Formatter):
    """A formatter that leaves an exception's message out."""

    def formatException(self, ei: ExceptionInfo) -> str:
        """The exception's frames and its class."""
        kind = ei[0].__name__ if ei[0] is not None else "no exception"
        return "".join([*traceback.format_tb(ei[2]), kind])


@dataclass
class _Repeated:
    began: float
    count: int = 0


class FrugalHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream; counts repeated records, and empties a file that has grown large."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._seen: OrderedDict[tuple[object, ...], _Repeated] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless the same one was written often just now."""
        now, key = self._clock(), _kind(record)
        seen = self._seen.pop(key, None)
        if seen is None or now - seen.began > WINDOW_S:
            if seen is not None and seen.count > OFTEN:
                left_out = seen.count - OFTEN
                self._write(f"({record.name} said this {left_out} more times)")
            seen = _Repeated(now)
        seen.count += 1
        self._seen[key] = seen
        while len(self._seen) > _MAX_KINDS:
            self._seen.popitem(last=False)
        if seen.count <= OFTEN:
            self._keep_small()
            super().emit(record)
        elif seen.count == OFTEN + 1:
            self._write(f"(what {record.name} says repeats; it is counted from here on)")

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(line + self.terminator)
            self.flush()

    def _keep_small(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            descriptor = self.stream.fileno()
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_size > LARGEST_BYTES:
                os.ftruncate(descriptor, 0)
                self._write(f"(the log was emptied at {found.st_size:,} bytes)")


def _kind(record: logging.LogRecord) -> tuple[object, ...]:
    """The key of equal records: the same place in the code."""
    error = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, record.pathname, record.lineno, error


def log_to_stderr() -> None:
    """Send warnings and errors of dgls and its libraries to standard error."""
    handler = FrugalHandler(sys.stderr)
    handler.setFormatter(FramesOnly("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
