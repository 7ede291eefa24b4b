"""End an engine for every front-end: ask it, and kill it where it does not listen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

from dgls.client.api import EngineApi
from dgls.client.connection import ConnectionLost
from dgls.client.endpoint import Endpoint
from dgls.errors import DglsError
from dgls.file_lock import FileLock, is_held, owner

_PATIENCE_S = 8.0
_POLL_S = 0.02


async def stop(endpoint: Endpoint) -> bool:
    """Stop the engine and remove what it leaves. False where there was none."""
    was_there = is_held(endpoint.lock)
    if was_there:
        await _ask(endpoint)
        if not await _released(endpoint):
            _kill(endpoint)
            await _released(endpoint)
    _remove_address(endpoint)
    return was_there


async def _ask(endpoint: Endpoint) -> None:
    api = EngineApi(endpoint)
    with contextlib.suppress(ConnectionLost, TimeoutError, DglsError):
        async with asyncio.timeout(_PATIENCE_S):
            await api.shutdown()
    api.close()


async def _released(endpoint: Endpoint) -> bool:
    give_up = time.monotonic() + _PATIENCE_S
    while is_held(endpoint.lock):
        if time.monotonic() > give_up:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _kill(endpoint: Endpoint) -> None:
    # Its lock is held, so the number belongs to the engine and to nobody who came after it.
    pid = owner(endpoint.lock)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _remove_address(endpoint: Endpoint) -> None:
    if not endpoint.folder.exists():
        return
    lock = FileLock.acquire(endpoint.lock)
    if lock is not None:
        endpoint.forget_address()
        lock.release()
