"""The backend for chat servers, which are asked in words: SGLang, NIM, MLX, llama.cpp and others.

Such servers have no canvas. The model is told the text after the gap, but nothing makes it fit that
text, and nothing tells its confidence: every fill counts as even odds. Code is sent to that server,
which only the user's own settings can name.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence

from dgls.engine.backends.chat_edit import COMPLETIONS, chat_edit
from dgls.engine.backends.chat_text import answer_of, code_of, question
from dgls.engine.backends.text_backend import Answer, TextBackend, texts_of
from dgls.fill.ranking import clipped, ranked
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, Timings

_EVEN_ODDS = 0.5
_SHOWN_UNASKED = 0.6
"""Above the confidence of these fills: they are shown during typing only if the user lowers it."""

_TOKENS_PER_LINE = 48
_MIN_TOKENS = 128


class ChatBackend(TextBackend):
    """Fills by asking a chat server."""

    def _edited(self, request: FillRequest, stop: StopToken) -> FillReply:
        model = self._model
        return chat_edit(model.server, model.name, self.name, request, stop)

    async def _answer(self, request: FillRequest, index: int) -> Answer:
        (gap,), (before, after) = request.gaps, request.parts
        lines = gap.max_lines + gap.text.count("\n")
        body = {
            "model": self._model.name,
            "messages": [{"role": "user", "content": question(request)}],
            # No sampling parameters, because servers differ in which ones they refuse.
            "max_tokens": max(_MIN_TOKENS, _TOKENS_PER_LINE * lines),
            "stream": False,
        }
        answer = answer_of(await self._model.server.post(COMPLETIONS, body))
        # Cutting is plain text work, but a garbled answer can be long.
        code = await asyncio.to_thread(code_of, answer, before, after)
        return Answer(clipped(code, gap, before + after))

    def _reply(
        self, request: FillRequest, found: Sequence[tuple[Answer, ...]], spent_ms: float
    ) -> FillReply:
        wanted = request.limits.candidates
        return FillReply(
            candidates=_fills([texts_of(answers) for answers in found], wanted) if found else (),
            model=self.name,
            complete=len(found) == wanted,
            threshold=_SHOWN_UNASKED,
            timings=Timings(denoise_ms=spent_ms, total_ms=spent_ms),
        )


def _fills(texts: Sequence[tuple[str, ...]], most: int) -> tuple[Fill, ...]:
    """Each distinct answer, the most frequent first."""
    counted = Counter(texts)
    fills = [
        Fill(each, math.log(count / len(texts)), _EVEN_ODDS if any(each) else 0.0, "chat")
        for each, count in counted.items()
    ]
    return ranked(fills, most, by_confidence=False)
