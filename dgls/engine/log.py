"""The engine's log: what went wrong and where, never what was asked.

An exception's message can quote the text that it choked on. So a logged exception shows its class
and the lines of dgls and its libraries that it went through, and not its message.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType

ExceptionInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class FramesOnly(logging.Formatter):
    """A formatter that leaves an exception's message out."""

    def formatException(self, ei: ExceptionInfo) -> str:
        """The exception's frames and its class."""
        kind = ei[0].__name__ if ei[0] is not None else "no exception"
        return "".join([*traceback.format_tb(ei[2]), kind])


def log_to_stderr() -> None:
    """Send warnings and errors of dgls and its libraries to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FramesOnly("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
