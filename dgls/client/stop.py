"""Stops an engine for every front-end: asks it, and kills it if it does not respond."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

from dgls.client.api import EngineApi
from dgls.client.connection import Connection, ConnectionLostError
from dgls.errors import DglsError, EngineUnavailableError
from dgls.file_lock import FileLock, is_held, owner
from dgls.rendezvous.endpoint import Endpoint
from dgls.rendezvous.runtime_folder import check_private

_PATIENCE_S = 8.0
_POLL_S = 0.02


async def stop(endpoint: Endpoint) -> bool:
    """Stop the engine and remove its files. False if none was running.

    Raises `EngineUnavailableError` if a process does not respond and cannot be identified as an
    engine.
    """
    check_private(endpoint.folder)
    was_there = is_held(endpoint.lock)
    if was_there:
        listener = await _listener(endpoint)
        await _ask(endpoint)
        if not await _released(endpoint):
            _kill(endpoint, listener)
            if not await _released(endpoint):
                raise _left_alone(endpoint)
    _remove_address(endpoint)
    return was_there


async def _listener(endpoint: Endpoint) -> int | None:
    """The process that listens on the engine's socket; None if unknown."""
    address = endpoint.address()
    if address is None:
        return None
    with contextlib.suppress(ConnectionLostError, TimeoutError, DglsError):
        async with asyncio.timeout(_PATIENCE_S):
            connection = await Connection.open(address)
        peer = connection.peer
        connection.abort()
        return peer.pid if peer else None
    return None


async def _ask(endpoint: Endpoint) -> None:
    api = EngineApi(endpoint)
    with contextlib.suppress(ConnectionLostError, TimeoutError, DglsError):
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


def _kill(endpoint: Endpoint, listener: int | None) -> None:
    """Kill the holder of the lock, if it is certainly an engine.

    The process ID in the lock's file was written by its holder, which need not be an engine.
    """
    pid = owner(endpoint.lock)
    if pid is None or pid <= 0 or (pid != listener and not _is_engine(pid, endpoint)):
        raise _left_alone(endpoint)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


def _left_alone(endpoint: Endpoint) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"A process that does not answer holds {endpoint.lock}. It is not known to be an "
        "engine of dgls, so it was left alone. End it yourself."
    )


def _is_engine(pid: int, endpoint: Endpoint) -> bool:
    """Whether a process was started as this engine, by its command line, and has its lock open.

    The process ID may have been reused.
    """
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
        lock = endpoint.lock.stat()
        opened = [each.stat() for each in Path(f"/proc/{pid}/fd").iterdir() if each.exists()]
    except OSError:
        return False
    if not any(os.path.samestat(lock, each) for each in opened):
        return False
    words = data.decode("utf-8", "replace").split("\0")
    if "dgls.engine.process" in words:
        return f"--name={endpoint.name}" in words
    return any(Path(word).name == "dgls" for word in words[:3]) and "serve" in words


def _remove_address(endpoint: Endpoint) -> None:
    if not endpoint.folder.exists():
        return
    # A file that is not the user's own stays unchanged.
    with contextlib.suppress(OSError):
        lock = FileLock.acquire(endpoint.lock)
        if lock is not None:
            endpoint.forget_address()
            lock.release()
