"""Work-done progress in the editor's window."""

from __future__ import annotations

import asyncio
import uuid
from typing import Protocol

from lsprotocol import types


class Window(Protocol):
    """The parts of the server that the user sees."""

    def show(self, message: str, kind: types.MessageType) -> None:
        """Show a message."""

    @property
    def shows_progress(self) -> bool:
        """Whether the client wants the server's own progress reports."""

    async def create_progress(self, token: str) -> None:
        """Ask the client for a progress report with a token."""

    def report_progress(self, token: str, value: object) -> None:
        """Send the beginning, a step or the end of a progress report."""


class Progress:
    """One work-done progress report with a title. It begins with the first step."""

    def __init__(self, window: Window, title: str) -> None:
        self._window = window
        self._title = title
        self._token = f"dgls-{uuid.uuid4()}"
        self._begun: asyncio.Task[None] | None = None
        self._shown: tuple[str, int | None] = ("", None)

    def report(self, message: str = "", share: float | None = None) -> None:
        """Show a step, and the share that is done (0..1), if it is known."""
        if not self._window.shows_progress:
            return
        percentage = None if share is None else min(100, round(100 * share))
        if percentage is not None and self._shown[1] is not None:
            # The protocol requires a percentage that only grows.
            percentage = max(percentage, self._shown[1])
        shown = (message, percentage)
        if self._begun is None:
            self._begun = asyncio.ensure_future(self._begin(*shown))
        elif shown != self._shown:
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage))
        self._shown = shown

    def end(self, message: str | None = None) -> None:
        """End the report, if it has begun."""
        if self._begun is not None:
            self._send(types.WorkDoneProgressEnd(message=message))

    async def _begin(self, message: str, percentage: int | None) -> None:
        await self._window.create_progress(self._token)
        begin = types.WorkDoneProgressBegin(
            title=self._title, message=message or None, percentage=percentage
        )
        self._window.report_progress(self._token, begin)

    def _send(self, value: object) -> None:
        """Send a later step once the client has accepted the report; a refusal ends it."""
        begun = self._begun
        assert begun is not None

        def when_begun(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and task.exception() is None:
                self._window.report_progress(self._token, value)

        begun.add_done_callback(when_begun)
