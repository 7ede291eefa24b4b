"""The model's readiness: progress while it loads, one message when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from functools import cached_property

from lsprotocol import types

from dgls.errors import (
    DglsError,
    EngineBusyError,
    EngineUnavailableError,
    InputError,
    ModelError,
    Stopped,
)
from dgls.lsp.engine import Engine
from dgls.lsp.failures import ignore_failure
from dgls.lsp.indicator import Indicator
from dgls.lsp.progress import Progress, Window
from dgls.protocol import FillReply, FillRequest

RETRY_AFTER_S = 30.0
"""How many seconds automatic requests leave a model alone that failed to load."""


class SharedModel:
    """Loads the model once for all that wait for it, and reports on it to the user.

    `open_engine` is called when the model is first needed: an editor waits for the server's start,
    not for the engine's client.
    """

    def __init__(
        self, open_engine: Callable[[], Engine], window: Window, indicator: Indicator
    ) -> None:
        self._open_engine = open_engine
        self._window = window
        self._indicator = indicator
        self._loading: asyncio.Task[None] | None = None
        self._failed_at = 0.0
        self._told: DglsError | None = None
        self._noted = ""
        self._languages: tuple[str, ...] = ()

    def knows(self, language: str) -> bool:
        """Whether the model was trained on a language, as far as known before it is loaded."""
        return not self._languages or language in self._languages

    async def warm_up(self) -> None:
        """Load the model, unless that has begun; a failure is shown."""
        if self._loading is None:
            with contextlib.suppress(DglsError):
                await self.ready()

    async def ready(self) -> None:
        """Return when the model is loaded.

        Raises the `DglsError` that loading failed with, and for a while raises it again without
        another try. The user sees it once.
        """
        try:
            await asyncio.shield(self._task(insist=False))
        except DglsError as error:
            self._tell_once(error)
            raise

    async def fill(self, request: FillRequest) -> FillReply:
        """An automatic fill. Raises `DglsError`; a failure is shown once."""
        await self.ready()
        try:
            with self._failures_noted():
                reply = await self._engine.fill(request)
        except (Stopped, EngineBusyError):
            raise
        except DglsError as error:
            self._tell_once(error)
            raise
        self._note_reply(reply)
        return reply

    async def fill_insistently(self, request: FillRequest) -> FillReply:
        """An explicit fill: a model that failed to load is tried again.

        Raises `DglsError`, which the caller shows.
        """
        await asyncio.shield(self._task(insist=True))
        with self._failures_noted():
            reply = await self._engine.fill(request)
        self._note_reply(reply)
        return reply

    def tell(self, error: DglsError) -> None:
        """Show an error, unless it is the last one shown."""
        if error is not self._told:
            harmless = isinstance(error, (InputError, Stopped, EngineBusyError))
            kind = types.MessageType.Warning if harmless else types.MessageType.Error
            self._window.show(f"dgls: {error}", kind)
        self._told = error

    async def close(self) -> None:
        """Stop waiting for the model and close the engine's client."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        if "_engine" in self.__dict__:
            await self._engine.close()

    @cached_property
    def _engine(self) -> Engine:
        return self._open_engine()

    @contextlib.contextmanager
    def _failures_noted(self) -> Iterator[None]:
        """A context that notes a failure of the engine, so that the next fill waits for it."""
        loading = self._loading
        try:
            yield
        except (EngineUnavailableError, ModelError) as error:
            self._indicator.failed(error)
            # The next request waits for the engine, which is started again, with progress.
            if self._loading is loading:
                self._loading = None
            raise

    def _note_reply(self, reply: FillReply) -> None:
        """Show a reply's note, once as long as replies repeat it."""
        # After a successful fill the next failure is news.
        self._told = None
        if reply.note and reply.note != self._noted:
            self._window.show(f"dgls: {reply.note}", types.MessageType.Warning)
        self._noted = reply.note

    def _tell_once(self, error: DglsError) -> None:
        if self._told is None or str(error) != str(self._told):
            self.tell(error)

    def _task(self, *, insist: bool) -> asyncio.Task[None]:
        if self._loading is None or self._may_retry(self._loading, insist=insist):
            self._loading = asyncio.ensure_future(self._load())
            self._loading.add_done_callback(ignore_failure)
        return self._loading

    def _may_retry(self, task: asyncio.Task[None], *, insist: bool) -> bool:
        failed = task.done() and (task.cancelled() or task.exception() is not None)
        return failed and (insist or time.monotonic() - self._failed_at > RETRY_AFTER_S)

    async def _load(self) -> None:
        progress = Progress(self._window, "dgls: loading the model")

        def report(share: float, what: str) -> None:
            progress.report(what or "starting the engine", share)
            self._indicator.loading(share, what)

        outcome = "stopped"
        try:
            await self._engine.wait_ready(report)
            outcome = "ready"
        except DglsError as error:
            outcome = "could not be loaded"
            self._failed_at = time.monotonic()
            self._indicator.failed(error)
            raise
        finally:
            progress.end(outcome)
        health = await self._engine.health()
        self._languages = health.languages if health is not None else ()
        self._indicator.ready(health)
