"""The backend that asks a chat server in words: SGLang, NIM, MLX, llama.cpp and others.

Such servers have no canvas. What is after the gap is told to the model, but nothing holds it
to that, and nothing says how sure it is: every fill counts as even odds. Code leaves this machine
for that server, which only the user's own settings can name.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence

from dgls.config import Settings
from dgls.engine.backends.chat_edit import COMPLETIONS, chat_edit
from dgls.engine.backends.chat_text import answer_of, code_of, question
from dgls.engine.backends.remote_model import RemoteModel
from dgls.fill.ranking import clipped, ranked, single_gap
from dgls.fill.stop import StopToken
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, OnProgress, Timings

_EVEN_ODDS = 0.5
_SHOWN_UNASKED = 0.6
"""Above what these fills claim: they are shown while typing only where the user lowers it."""

_TOKENS_PER_LINE = 48
_MIN_TOKENS = 128


class ChatBackend:
    """Fills by asking a chat server (`dgls.engine.backends.base.Backend`)."""

    def __init__(self, settings: Settings) -> None:
        """Raises `SettingError` where the server's address or key cannot be used."""
        self._settings = settings
        self._model = RemoteModel(settings)

    @property
    def name(self) -> str:
        """The model and the place that code is sent to."""
        return self._model.shown

    @property
    def concurrency(self) -> int:
        """As many fills as the settings allow."""
        return self._settings.remote.concurrency

    def load(self, progress: OnProgress) -> None:
        """Ask the server what it serves. Raises `RemoteError`."""
        self._model.load(progress)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill the gaps one after another. Raises `RemoteError`, or `Stopped` out of time."""
        model = self._model
        model.check_asked()
        if request.instruction:
            return chat_edit(model.server, model.name, self.name, request, stop)
        began = time.monotonic()
        texts: list[tuple[str, ...]] = []
        if request.limits.candidates:
            texts = model.server.run(self._candidates(request, on_draft), stop)
        spent = 1000 * (time.monotonic() - began)
        return FillReply(
            candidates=_fills(texts, request.limits.candidates) if texts else (),
            model=self.name,
            complete=len(texts) == request.limits.candidates,
            threshold=_SHOWN_UNASKED,
            timings=Timings(denoise_ms=spent, total_ms=spent),
        )

    async def _candidates(
        self, request: FillRequest, on_draft: OnDraft | None
    ) -> list[tuple[str, ...]]:
        """The texts of as many answers as candidates are wanted, all asked for at once."""
        calls = [self._candidate(request, on_draft) for _ in range(request.limits.candidates)]
        return await self._model.server.within(request.limits.deadline_ms, calls)

    async def _candidate(self, request: FillRequest, on_draft: OnDraft | None) -> tuple[str, ...]:
        """A text for each gap, each asked for when the ones before it are known."""
        texts: list[str] = []
        for index in range(len(request.gaps)):
            texts.append(await self._text(single_gap(request, index, texts)))
        if on_draft is not None:
            on_draft(Draft(0, tuple(texts)))
        return tuple(texts)

    async def _text(self, request: FillRequest) -> str:
        (gap,), (before, after) = request.gaps, request.parts
        lines = gap.max_lines + gap.text.count("\n")
        body = {
            "model": self._model.name,
            "messages": [{"role": "user", "content": question(request)}],
            # No sampling parameters: servers differ in which ones they refuse.
            "max_tokens": max(_MIN_TOKENS, _TOKENS_PER_LINE * lines),
            "stream": False,
        }
        answer = answer_of(await self._model.server.post(COMPLETIONS, body))
        # Cutting is plain work on text, but a garbled answer can be long.
        code = await asyncio.to_thread(code_of, answer, before, after)
        return clipped(code, gap, before + after)


def _fills(texts: Sequence[tuple[str, ...]], most: int) -> tuple[Fill, ...]:
    """Each distinct answer, those that came up most often first."""
    counted = Counter(texts)
    fills = [
        Fill(each, math.log(count / len(texts)), _EVEN_ODDS if any(each) else 0.0, "chat")
        for each, count in counted.items()
    ]
    return ranked(fills, most, by_confidence=False)
