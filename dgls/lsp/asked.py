"""Fills that the user asked for: after a moment the editor shows that one is under way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from dgls.lsp.indicator import Indicator
from dgls.lsp.progress import Progress, Window
from dgls.lsp.shared_model import SharedModel
from dgls.protocol import FillReply, FillRequest

SHOWN_AFTER_S = 0.5
"""A quicker fill shows no progress, because it would only flicker."""


class Asked:
    """Makes explicit fills. The status says `filling` meanwhile, or a standard progress does."""

    def __init__(self, window: Window, indicator: Indicator) -> None:
        self._window = window
        self._indicator = indicator
        self._shown = 0

    async def fill(self, model: SharedModel, request: FillRequest) -> FillReply:
        """An explicit fill. Raises `DglsError`, which the caller shows."""
        with self._under_way():
            return await model.fill_insistently(request)

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        progress = Progress(self._window, "dgls: filling")
        is_shown = False

        def show() -> None:
            nonlocal is_shown
            is_shown = True
            progress.report()
            self._count(1)

        timer = asyncio.get_running_loop().call_later(SHOWN_AFTER_S, show)
        try:
            yield
        finally:
            timer.cancel()
            if is_shown:
                progress.end()
                self._count(-1)

    def _count(self, change: int) -> None:
        self._shown += change
        self._indicator.doing("filling" if self._shown else "")
