"""The backend for the user's own llama.cpp server: its `POST /infill`.

The server puts its model's special tokens around the text, so the model must be one trained to fill
gaps (Qwen2.5-Coder and others). The body follows llama.cpp's own description
(https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, `POST /infill`): the
cursor's line goes into `prompt`, after the mark of the middle, as llama.vim sends it, because these
models were trained on gaps that begin at a line. Code is sent to another machine if the server is
on one, which only the user's own settings can name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PureWindowsPath
from typing import Any

from dgls.engine.backends.text_backend import Answer, TextBackend, texts_of
from dgls.errors import RemoteError
from dgls.fill.editing import cannot_edit
from dgls.fill.ranking import clipped, ranked
from dgls.fill.stop import StopToken
from dgls.protocol import Fill, FillReply, FillRequest, OnProgress, Timings

INFILL = "/infill"

_SHOWN_UNASKED = 0.5
"""The lowest probability of a whole text that is shown during typing; not fitted to any model."""

_TOKENS_PER_LINE = 40
_OTHERS_TEMPERATURE = 0.7
"""The first candidate is the likeliest text, further ones are sampled."""


class InfillBackend(TextBackend):
    """Fills by asking a llama.cpp server."""

    def load(self, progress: OnProgress) -> None:
        """Ask the server for its model. Raises `RemoteError`."""
        super().load(progress)
        # A server names its model by the path of its file.
        self._model.name = PureWindowsPath(self._model.name).name.removesuffix(".gguf")

    def _edited(self, request: FillRequest, stop: StopToken) -> FillReply:
        raise cannot_edit(self.name, "this backend only asks its server for fills")

    async def _answer(self, request: FillRequest, index: int) -> Answer:
        fields = await self._model.server.post(INFILL, body_of(request, index))
        answer = answer_of(fields)
        (gap,), known = request.gaps, "".join(request.parts)
        return replace(answer, text=clipped(answer.text, gap, known))

    def _reply(
        self, request: FillRequest, found: Sequence[tuple[Answer, ...]], spent_ms: float
    ) -> FillReply:
        wanted = request.limits.candidates
        first = found[0] if found else ()
        return FillReply(
            candidates=ranked(_fills(found), wanted, by_confidence=True) if found else (),
            model=self.name,
            complete=len(found) == wanted,
            passes=sum(answer.tokens for answer in first),
            prompt_tokens=sum(answer.prompt for answer in first),
            cached_tokens=sum(answer.cached for answer in first),
            threshold=_SHOWN_UNASKED,
            timings=Timings(
                encode_ms=sum(answer.prompt_ms for answer in first),
                draft_ms=sum(answer.predicted_ms for answer in first),
                total_ms=spent_ms,
            ),
        )


def body_of(request: FillRequest, index: int = 0) -> dict[str, Any]:
    """The JSON body for candidate `index` of the only gap of a request."""
    (gap,), (before, after) = request.gaps, request.parts
    above, line_break, line = before.rpartition("\n")
    lines = gap.max_lines + gap.text.count("\n")
    return {
        "input_prefix": above + line_break,
        "prompt": line,
        "input_suffix": after,
        "input_extra": [
            {"filename": snippet.path, "text": snippet.text} for snippet in request.snippets
        ],
        "n_predict": _TOKENS_PER_LINE * lines,
        "stop": ["\n"] if lines == 1 else [],
        "temperature": _OTHERS_TEMPERATURE if index else 0.0,
        "seed": request.seed + index,
        "n_probs": 1,
        "cache_prompt": True,
        "stream": False,
    }


def answer_of(fields: Any) -> Answer:
    """The server's answer. Raises `RemoteError` for anything else."""
    try:
        text, times = fields["content"], fields.get("timings") or {}
        chosen = fields.get("completion_probabilities") or []
        log_probs = [float(each["logprob"]) for each in chosen]
        if not isinstance(text, str):
            raise TypeError
        return Answer(
            text,
            sum(log_probs) if log_probs else None,
            int(fields.get("tokens_predicted", 0)),
            int(fields.get("tokens_evaluated", 0)),
            int(times.get("cache_n", 0)),
            float(times.get("prompt_ms", 0.0)),
            float(times.get("predicted_ms", 0.0)),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        # Without the cause, whose message may quote the answer.
        raise RemoteError(
            "The server's answer is not one of llama.cpp's /infill; nothing was filled. "
            "Check that 'remote.url' is the address of a llama.cpp server with a model that "
            "fills gaps."
        ) from None


def _fills(found: Sequence[tuple[Answer, ...]]) -> list[Fill]:
    """Each distinct text once; its confidence is the probability of the whole text."""
    fills: dict[tuple[str, ...], Fill] = {}
    for answers in found:
        texts = texts_of(answers)
        known = [answer.log_prob for answer in answers if answer.log_prob is not None]
        score = sum(known)
        sure = math.exp(min(0.0, score)) if len(known) == len(answers) else _SHOWN_UNASKED
        tokens = sum(answer.tokens for answer in answers)
        fills.setdefault(texts, Fill(texts, score, sure if any(texts) else 0.0, "draft", tokens))
    return list(fills.values())
