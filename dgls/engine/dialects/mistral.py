"""Mistral's `POST /v1/fim/completions`, as Continue and minuet send it.

https://docs.mistral.ai/api/#tag/fim
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.engine.dialects.dialect import DONE, Dialect, Failure, Json
from dgls.engine.dialects.fields import Fields
from dgls.engine.dialects.openai import usage
from dgls.engine.dialects.question import Question
from dgls.errors import FieldError
from dgls.protocol import FillReply

_UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class FimCompletion:
    """One request."""

    question: Question
    is_streamed: bool

    def answer(self, reply: FillReply) -> Json:
        """The complete answer."""
        best = self.question.completions(reply)[:1]
        message = {"role": "assistant", "content": best[0].text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {
            **_head("chat.completion", reply),
            "choices": [choice],
            "usage": usage(best, reply),
        }

    def events(self, reply: FillReply) -> Sequence[Json | str]:
        """The text, then the end with the token counts."""
        best = self.question.completions(reply)[:1]
        head = _head("chat.completion.chunk", reply)
        text = {"role": "assistant", "content": best[0].text}
        return [
            {**head, "choices": [{"index": 0, "delta": text, "finish_reason": None}]},
            {
                **head,
                "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
                "usage": usage(best, reply),
            },
            DONE,
        ]


def read(body: bytes) -> FimCompletion:
    """A request; without `max_tokens` there is no limit."""
    fields = Fields.of_body(body)
    question = Question(
        prefix=fields.text("prompt"),
        suffix=fields.text("suffix", ""),
        max_tokens=fields.integer("max_tokens"),
        stops=fields.texts("stop"),
        seed=max(0, fields.integer("random_seed") or 0),
    ).unpacked()
    return FimCompletion(question, fields.flag("stream"))


def failure(status: int, error: Exception) -> Failure:
    """Mistral's form of an error: a wrong field gives a list of details."""
    if isinstance(error, FieldError) or status == _UNPROCESSABLE:
        place = [error.field] if isinstance(error, FieldError) else []
        detail = {"loc": ["body", *place], "msg": str(error), "type": "value_error"}
        return Failure(_UNPROCESSABLE, {"detail": [detail]})
    kind = "server_error" if status >= 500 else "invalid_request_error"
    what = {"message": str(error), "type": kind, "param": None, "code": str(status)}
    return Failure(status, {"object": "error", **what})


DIALECT = Dialect("mistral", "/v1/fim/completions", read, failure)


def _head(kind: str, reply: FillReply) -> Json:
    return {
        "id": f"fim-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": reply.model,
    }
