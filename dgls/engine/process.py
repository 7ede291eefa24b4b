"""The engine process: one per machine and model, from its lock to its last trace.

A front-end starts `python -m dgls.engine.process` with the settings as JSON on standard input
(`dgls.client.launch`); `dgls serve` runs the same in a terminal. It answers `/health` at once
and loads the model in a thread. It ends after a while without requests, when it is told to, or when
its socket is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence

from starlette.middleware import Middleware

from dgls.config import Settings, resolve
from dgls.engine.backends.base import Backend, cores_of, device_of, languages_of
from dgls.engine.backends.choose import backend_of
from dgls.engine.guard import LoopbackGuard
from dgls.engine.http_server import GRACE_S, HttpServer
from dgls.engine.listen import Listener, listen
from dgls.engine.log import log_to_stderr
from dgls.engine.routes import create_app
from dgls.engine.scheduler import Scheduler
from dgls.engine.service import Service
from dgls.engine.status import EngineStatus
from dgls.engine.worker import ModelThreads
from dgls.errors import DglsError, EngineUnavailableError
from dgls.file_lock import FileLock
from dgls.protocol import Health
from dgls.rendezvous.endpoint import Endpoint
from dgls.rendezvous.runtime_folder import make_private, runtime_folder
from dgls.requests.builder import budget_of

_WATCH_S = 1.0
_FAILED_S = 5.0
"""How many seconds a failed engine stays, so that every waiting front-end learns the reason."""
_SWITCH_S = 0.001
"""How many seconds the model's thread may keep the interpreter while the event loop waits."""


def serve(
    settings: Settings,
    endpoint: Endpoint,
    lock: FileLock,
    listeners: Sequence[Listener] = (),
    on_health: Callable[[Health], None] | None = None,
    failed_s: float = 0.0,
    page_token: str = "",
) -> None:
    """Run the engine of `endpoint`, whose lock is held, until it ends, and clean up.

    `listeners` are sockets besides the endpoint's own; `page_token` opens the page that they show.
    Raises the error that loading failed with, after reporting it for `failed_s` seconds.
    """
    try:
        lock.write_owner()
        every = [listen(endpoint), *listeners]
        engine = _Engine(settings, endpoint, lock, every, on_health, page_token)
        engine.live(failed_s)
    finally:
        lock.release()
    if engine.failure is not None:
        raise engine.failure


def take_lock(endpoint: Endpoint) -> FileLock:
    """The endpoint's lock. Raises `EngineUnavailableError` if an engine holds it already."""
    make_private(endpoint.folder)
    try:
        lock = FileLock.acquire(endpoint.lock)
    except OSError as error:
        raise EngineUnavailableError(
            f"{endpoint.lock} cannot be locked ({error.strerror}); no engine was started."
        ) from error
    if lock is None:
        raise EngineUnavailableError(
            "An engine for this model is already running (an editor or a fill started it); "
            "no other was started. Stop it first: dgls serve --stop"
        )
    return lock


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point for front-ends. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dgls.engine.process", description=__doc__)
    parser.add_argument("--name", required=True, help="the endpoint's name")
    parser.add_argument("--lock", type=int, help="descriptor of the lock that is handed over")
    options = parser.parse_args(arguments)
    log_to_stderr()
    try:
        values = json.loads(sys.stdin.buffer.read())
        settings = resolve(environment={}, files=(), overrides=values).strict()
        endpoint = Endpoint(runtime_folder(settings), options.name)
        inherited = options.lock is not None
        lock = FileLock.adopt(endpoint.lock, options.lock) if inherited else take_lock(endpoint)
        end_on_signals()
        serve(settings, endpoint, lock, failed_s=_FAILED_S)
    except DglsError as error:
        print(f"dgls: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def end_on_signals() -> None:
    """Turn signals that end a process into exceptions, so that it can clean up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if hasattr(signal, "SIGHUP"):
        # uvicorn shuts down cleanly on SIGTERM; a closed terminal should do the same.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


class _Engine:
    """The parts of one engine process, and their common end."""

    def __init__(
        self,
        settings: Settings,
        endpoint: Endpoint,
        lock: FileLock,
        listeners: Sequence[Listener],
        on_health: Callable[[Health], None] | None,
        page_token: str,
    ) -> None:
        self.failure: DglsError | None = None
        self._settings = settings
        self._endpoint = endpoint
        self._lock = lock
        self._address = _identity_of_address(endpoint)
        self._sockets = [listener for listener, _ in listeners]
        self._service = Service(
            EngineStatus(settings.model.name, on_health),
            self._end,
            max_request_bytes=settings.engine.max_request_bytes,
            max_requests=2 * settings.engine.max_waiting,
            budget=budget_of(settings.fill),
        )
        guard = Middleware(LoopbackGuard, tokens=_tokens(listeners), page_token=page_token)
        self._server = HttpServer(create_app(self._service, (guard,)), self._before_end)

    def live(self, failed_s: float) -> None:
        """Serve until the engine ends, by idleness, a request or a signal."""
        sys.setswitchinterval(_SWITCH_S)
        try:
            asyncio.run(self._serve(failed_s))
        finally:
            self._leave()

    async def _serve(self, failed_s: float) -> None:
        thread = ModelThreads()
        tasks = [asyncio.ensure_future(self._load(thread, failed_s))]
        tasks.append(asyncio.ensure_future(self._watch()))
        try:
            await self._server.serve(sockets=self._sockets)
        finally:
            self._before_end()
            for task in tasks:
                task.cancel()
            if not thread.close(GRACE_S):
                self._abandon()

    def _forget_address(self) -> None:
        """Remove the socket, unless it belongs to another engine by now."""
        if _identity_of_address(self._endpoint) == self._address:
            self._endpoint.forget_address()

    def _leave(self) -> None:
        """Clean up, except for a nonempty log."""
        logging.shutdown()
        self._forget_address()
        with contextlib.suppress(OSError):
            if self._endpoint.log.lstat().st_size == 0:
                self._endpoint.log.unlink()

    async def _load(self, thread: ModelThreads, failed_s: float) -> None:
        try:
            backend = await thread.run(self._make_backend)
        except Exception as error:
            self.failure = self._service.status.failed(error)
            await asyncio.sleep(failed_s)
            self._end()
        else:
            waiting = self._settings.engine.max_waiting
            wasted = self._service.metrics.wasted
            self._service.scheduler = Scheduler(backend, thread, waiting, wasted)
            self._service.status.ready(
                backend.name,
                device=device_of(backend),
                languages=languages_of(backend),
                cores=cores_of(backend),
            )

    def _make_backend(self) -> Backend:
        backend = backend_of(self._settings)
        backend.load(self._service.status.loading)
        return backend

    async def _watch(self) -> None:
        """End the engine when it is idle, or when nobody can reach it any more."""
        limit = self._settings.engine.idle_seconds
        while _identity_of_address(self._endpoint) == self._address:
            scheduler = self._service.scheduler
            if scheduler is not None and 0 < limit <= scheduler.idle_seconds():
                break
            await asyncio.sleep(min(_WATCH_S, limit or _WATCH_S))
        self._end()

    def _abandon(self) -> None:
        """End at once: loading a model cannot be interrupted, and nobody waits."""
        self._leave()
        self._lock.release()
        os._exit(0)

    def _end(self) -> None:
        self._server.end()

    def _before_end(self) -> None:
        """Make new front-ends start the next engine, and stop running fills."""
        self._forget_address()
        if self._service.scheduler is not None:
            self._service.scheduler.stop_all("the engine ends")


def _tokens(listeners: Sequence[Listener]) -> dict[int, str | None]:
    ports = [(listener, token) for listener, token in listeners if _is_port(listener)]
    return {listener.getsockname()[1]: token for listener, token in ports}


def _is_port(listener: socket.socket) -> bool:
    return listener.family in {socket.AF_INET, socket.AF_INET6}


def _identity_of_address(endpoint: Endpoint) -> tuple[int, int] | None:
    """Identifies the address file, so that another engine's is not mistaken for one's own."""
    path = endpoint.socket if endpoint.has_unix_socket else endpoint.port
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    # The inode of a removed file may be reused at once, but not its time.
    return found.st_ino, found.st_mtime_ns


if __name__ == "__main__":
    sys.exit(main())
