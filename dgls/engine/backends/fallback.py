"""The backend for a server that may be down: the local model fills until it is back.

Only if the user has allowed it (`remote.fallback`), because the local model is a different one.
Each of its replies says so, with the reason (`FillReply.note`), which front-ends show once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from dgls.engine.backends.base import Backend, cores_of, device_of, languages_of
from dgls.errors import DglsError, EngineBusyError, RemoteError, RemoteOverloadedError
from dgls.fill.filler import HasIdleWork
from dgls.fill.stop import StopToken
from dgls.protocol import FillReply, FillRequest, OnDraft, OnProgress

log = logging.getLogger(__name__)

RETRY_S = 30.0
"""How many seconds a server that is down is left alone."""


class FallbackBackend:
    """Fills by `remote`, or by `local` while that is down (`dgls.engine.backends.base.Backend`).

    A separate thread checks the server again, so that no fill waits for one that is down.
    """

    def __init__(
        self, remote: Backend, local: Backend, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._remote = remote
        self._local = local
        self._clock = clock
        self._down: DglsError | None = None
        self._retry_at = 0.0
        self._asking: threading.Thread | None = None
        self._state = threading.Lock()
        # Only one thread at a time may use a local model, and any fill may move to it here.
        self._local_use = threading.Lock()
        self._is_local_loaded = False

    @property
    def name(self) -> str:
        """The name of the backend that fills now."""
        return (self._local if self._down else self._remote).name

    @property
    def device(self) -> str:
        """The device of the model, "" while the server fills."""
        return device_of(self._local) if self._down else ""

    @property
    def cores(self) -> int:
        """The CPU cores of the model, 0 while the server fills."""
        return cores_of(self._local) if self._down else 0

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the server's model, if known; the local model fills only meanwhile."""
        return languages_of(self._remote)

    @property
    def concurrency(self) -> int:
        """The concurrency of the backend that fills now."""
        return (self._local if self._down else self._remote).concurrency

    def load(self, progress: OnProgress) -> None:
        """Ask the server; if it is down, load the local model. Raises the errors of both."""
        try:
            self._remote.load(progress)
        except (RemoteError, EngineBusyError) as error:
            self._went_down(error)
            self._load_local(progress)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill by the server, or by the local model while the server is down."""
        if self._down is None:
            try:
                return self._remote.fill(request, stop, on_draft)
            except (RemoteError, RemoteOverloadedError) as error:
                self._went_down(error)
        self._ask_again()
        return self._filled_here(request, stop, on_draft)

    def use_pause(self, stop: StopToken) -> bool:
        """While the local model fills, let it prepare the next fill; False if it cannot now."""
        local: object = self._local
        if self._down is None or not self._is_local_loaded or not isinstance(local, HasIdleWork):
            return False
        with self._local_use:
            return local.use_pause(stop)

    def use_idle_time(self) -> bool:
        """No deferred work."""
        return False

    def _filled_here(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None
    ) -> FillReply:
        down = self._down
        with self._local_use:
            self._load_local(lambda share, what: None)
            stop.check()
            reply = self._local.fill(request, stop, on_draft)
        if down is None:
            return reply
        return replace(reply, note=f"{down} {self._local.name} fills until it is back.")

    def _load_local(self, progress: OnProgress) -> None:
        if not self._is_local_loaded:
            self._local.load(progress)
            self._is_local_loaded = True

    def _went_down(self, error: DglsError) -> None:
        with self._state:
            if self._down is None:
                # The error's text may contain the server's words, which may quote code.
                log.warning("%s is down: %s", self._remote.name, type(error).__name__)
            self._down = error
            self._retry_at = self._clock() + RETRY_S

    def _ask_again(self) -> None:
        """Check from time to time whether the server is back, beside the fills."""
        with self._state:
            if self._asking is not None or self._down is None or self._clock() < self._retry_at:
                return
            self._asking = threading.Thread(target=self._ask, name="dgls-retry", daemon=True)
            self._asking.start()

    def _ask(self) -> None:
        try:
            self._remote.load(lambda share, what: None)
        except DglsError as error:
            self._went_down(error)
        else:
            log.warning("%s is back", self._remote.name)
            self._down = None
        finally:
            self._asking = None
