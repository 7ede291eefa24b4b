"""How a long proof ends when it is told to: with all that it started."""

from __future__ import annotations

import asyncio
import signal


def end_on_sigterm() -> None:
    """Let SIGTERM end the task that calls this as Ctrl-C does, so that its processes end too."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
