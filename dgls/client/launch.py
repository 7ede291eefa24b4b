"""Starts an engine process, once, however many front-ends want one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from dgls.config import Settings
from dgls.errors import EngineUnavailableError
from dgls.file_lock import FileLock
from dgls.files import open_own
from dgls.imports import safe_environment
from dgls.openmp import WAITING
from dgls.rendezvous.endpoint import Endpoint
from dgls.rendezvous.runtime_folder import make_private

_LARGEST_LOG = 1_000_000
_LAST_BYTES = 4000


def launch(endpoint: Endpoint, settings: Settings) -> subprocess.Popen[bytes] | None:
    """Start the engine; None if one is running or being started already.

    The front-end that gets the lock starts the process and hands the lock to it. The lock is
    therefore held until the engine ends, and nobody can start a second one. Blocks for some
    milliseconds. Raises `EngineUnavailableError` if no process can be started.
    """
    make_private(endpoint.folder)
    try:
        lock = FileLock.acquire(endpoint.lock)
        if lock is None:
            return None
        try:
            process = _spawn(endpoint, settings, lock)
        except OSError:
            # If it stayed locked, no front-end could start an engine.
            lock.release()
            raise
    except OSError as error:
        raise EngineUnavailableError(
            f"No engine process could be started ({error.strerror}); nothing was changed."
        ) from error
    # Wait for it in a thread, so that an engine that ends does not become a zombie.
    threading.Thread(target=process.wait, daemon=True, name="dgls-engine-wait").start()
    return process


def last_words(log: Path) -> str:
    """The last line of an engine's log, for a message about its end."""
    try:
        with os.fdopen(open_own(log, os.O_RDONLY), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _spawn(endpoint: Endpoint, settings: Settings, lock: FileLock) -> subprocess.Popen[bytes]:
    # -P keeps the working folder off the module path, so a project's torch.py is not run.
    command = [sys.executable, "-P", "-m", "dgls.engine.process", f"--name={endpoint.name}"]
    if lock.CAN_HAND_OVER:
        command.append(f"--lock={lock.descriptor}")
    else:
        lock.release()
    # The engine need not determine the folder again.
    flat = {**settings.flat(), "engine.folder": str(endpoint.folder)}
    with _open_log(endpoint.log) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=endpoint.folder,
            env={**WAITING, **safe_environment()},
            pass_fds=(lock.descriptor,) if lock.CAN_HAND_OVER else (),
            # Its own session, so that closing the editor's terminal does not end it.
            start_new_session=True,
        )
    if lock.CAN_HAND_OVER:
        # The engine writes it too, unless it is stopped before it can.
        lock.write_owner(process.pid)
        lock.hand_over()
    assert process.stdin is not None
    # An engine that has ended cannot read; the caller that waits for it will notice.
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(json.dumps(flat).encode())
    return process


def _open_log(path: Path) -> BinaryIO:
    """The log, opened for appending; one that has grown large is emptied first."""
    log = os.fdopen(open_own(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")
    if os.fstat(log.fileno()).st_size > _LARGEST_LOG:
        os.ftruncate(log.fileno(), 0)
    return log
