"""What becomes of a task's failure that nobody waits for."""

from __future__ import annotations

import asyncio
from typing import Any


def ignore_failure(task: asyncio.Task[Any]) -> None:
    """Look at the failure of a task that has ended, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
