"""The engine for a front-end: always available, or one clear error.

A front-end need not know whether an engine runs: the first call starts one. A call ends with its
answer or with one `DglsError`. Cancelling a call closes its connection, which makes the engine stop
the fill before its next denoise step.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import time
from types import TracebackType
from typing import Self

from dgls.client.api import EngineApi, StillLoadingError
from dgls.client.connection import ConnectionLostError
from dgls.client.failures import Failures
from dgls.client.launch import last_words, launch
from dgls.client.stop import stop
from dgls.config import Settings, resolve
from dgls.errors import EngineUnavailableError, error_of_kind
from dgls.file_lock import is_held
from dgls.protocol import EngineState, FillReply, FillRequest, Health, LastFill, OnDraft, OnProgress
from dgls.rendezvous.endpoint import absolute, endpoint_of
from dgls.rendezvous.runtime_folder import make_private

_POLL_S = 0.05
_HEALTH_S = 5.0
GRACE_S = 10.0
"""How many seconds after the engine's deadline an answer may still arrive."""
NO_DEADLINE_S = 60.0
"""How many seconds a fill without a deadline runs before the engine's health is checked."""


class EngineClient:
    """One front-end's access to the engine of its settings. Belongs to one event loop."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = absolute(settings or resolve().settings)
        self.endpoint = endpoint_of(self._settings)
        self._api = EngineApi(self.endpoint, self._settings.engine.max_request_bytes)
        self._failures = Failures()
        self._is_ready = False
        self._generation = 0

    async def fill(self, request: FillRequest, on_draft: OnDraft | None = None) -> FillReply:
        """One fill, with each draft passed to `on_draft`. Starts the engine if none runs.

        Raises `Stopped` if the fill was superseded, `EngineUnavailableError` if the engine failed,
        and any other `DglsError` that ended the fill in the engine.
        """
        for _ in range(2):
            if not self._is_ready:
                await self.wait_ready()
            generation = self._generation
            try:
                asked = asyncio.ensure_future(self._api.fill(request, on_draft))
                reply = await self._patiently(asked, request.limits.deadline_ms)
                self._failures.forget()
                return reply
            except StillLoadingError:
                self._is_ready = False
            except ConnectionLostError as lost:
                self._is_ready = False
                # An engine that exits normally removes its address; then another one is started.
                if self.endpoint.address() is not None:
                    raise self._failed(generation, "it ended in the middle of a fill") from lost
        raise EngineUnavailableError("The engine ended twice; nothing was filled. Try again.")

    async def _patiently(
        self, asked: asyncio.Task[FillReply], deadline_ms: float | None
    ) -> FillReply:
        """The reply to a request, given up if the engine shows no sign of life.

        A busy engine still answers a health check. A suspended or hung one does not.
        """
        patience = NO_DEADLINE_S if deadline_ms is None else deadline_ms / 1000 + GRACE_S
        try:
            for attempt in itertools.count():
                if (await asyncio.wait({asked}, timeout=patience))[0]:
                    return await asked
                gave_up = deadline_ms is not None and attempt > 0
                if gave_up or await self.health() is None:
                    self._is_ready = False
                    raise self._stuck()
            raise AssertionError("counting does not end")
        finally:
            asked.cancel()

    def _stuck(self) -> EngineUnavailableError:
        return EngineUnavailableError(
            "The engine does not answer; nothing was filled. Stop it with dgls serve --stop; the "
            f"next request starts a new one (log: {self.endpoint.log})"
        )

    async def wait_ready(self, on_progress: OnProgress | None = None) -> None:
        """Return when the model is loaded; start the engine if none runs.

        Raises the `ModelError` that loading failed with, or `EngineUnavailableError`.
        """
        make_private(self.endpoint.folder)
        give_up = self._patience()
        process: subprocess.Popen[bytes] | None = None
        while (health := await self.health()) is None or health.state is not EngineState.READY:
            if health is not None:
                _look_at(health, on_progress)
                give_up = self._patience()
            elif process is not None and process.poll():
                raise self._failed(self._generation, f"it ended at its start{self._last_words()}")
            elif time.monotonic() > give_up and process is None:
                raise self._stuck()
            elif time.monotonic() > give_up:
                raise EngineUnavailableError(
                    f"The engine did not answer within {self._settings.engine.start_seconds:g} s "
                    f"(log: {self.endpoint.log}); end it with: dgls serve --stop"
                )
            elif process is None or process.returncode is not None:
                self._failures.check()
                process = await asyncio.to_thread(launch, self.endpoint, self._settings)
            await asyncio.sleep(_POLL_S)
        self._is_ready = True

    async def health(self) -> Health | None:
        """The engine's report on itself; None if none runs. Starts nothing."""
        # After an engine died, its port may belong to another process; a socket cannot.
        if not self.endpoint.has_unix_socket and not is_held(self.endpoint.lock):
            return None
        try:
            async with asyncio.timeout(_HEALTH_S):
                return await self._api.health()
        except (ConnectionLostError, TimeoutError):
            return None

    async def last(self) -> LastFill | None:
        """The engine's last fill; None if no engine runs. Starts nothing.

        Raises `InputError` if it has made none.
        """
        if await self.health() is None:
            return None
        try:
            async with asyncio.timeout(_HEALTH_S):
                return await self._api.last()
        except (ConnectionLostError, TimeoutError):
            return None

    async def stop_engine(self) -> bool:
        """Stop the engine, for every front-end. False if none was running."""
        self._is_ready = False
        self._api.drop_idle()
        return await stop(self.endpoint)

    async def close(self) -> None:
        """Close connections; the engine continues for other front-ends."""
        self._api.close()
        # A transport closes in the loop's next iteration, so give it one before the loop ends.
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _patience(self) -> float:
        return time.monotonic() + self._settings.engine.start_seconds

    def _last_words(self) -> str:
        words = last_words(self.endpoint.log)
        return f" ({words})" if words else ""

    def _failed(self, generation: int, why: str) -> EngineUnavailableError:
        """Record a failure, once for all calls that it ended."""
        if generation == self._generation:
            self._generation += 1
            self._failures.record(why)
        return self._failures.verdict() or EngineUnavailableError(
            f"The engine failed: {why}. Nothing was changed; the next request starts a new engine."
        )


def _look_at(health: Health, on_progress: OnProgress | None) -> None:
    """Pass progress on. Raises the error that loading failed with."""
    if health.state is EngineState.FAILED:
        raise error_of_kind(health.kind, health.message)
    if on_progress is not None:
        on_progress(health.percent / 100, health.message)
