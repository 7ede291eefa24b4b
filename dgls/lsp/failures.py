"""Failures of tasks whose results nobody awaits."""

from __future__ import annotations

import asyncio
from typing import Any


def ignore_failure(task: asyncio.Task[Any]) -> None:
    """Retrieve the failure of a finished task, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
