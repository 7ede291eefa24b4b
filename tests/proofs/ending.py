"""Ends a long proof on a signal, with all processes that it started."""

from __future__ import annotations

import asyncio
import signal


def end_on_sigterm() -> None:
    """Make SIGTERM end the calling task like Ctrl-C, so that its processes end too."""
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
