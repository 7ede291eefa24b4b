"""OpenAI's `POST /v1/completions` with a `suffix`, as minuet and many others send it.

https://platform.openai.com/docs/api-reference/completions
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from dgls.engine.dialects.dialect import DONE, Dialect, Failure, Json
from dgls.engine.dialects.fields import Fields
from dgls.engine.dialects.question import MAX_CANDIDATES, Completion, Question
from dgls.errors import FieldError
from dgls.protocol import FillReply

_DEFAULT_TOKENS = 16
_MARKS = (
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
)
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


@dataclass(frozen=True, slots=True)
class TextCompletion:
    """One request; with `tells_usage` a stream ends with the token counts."""

    question: Question
    is_streamed: bool
    tells_usage: bool

    def answer(self, reply: FillReply) -> Json:
        """The complete answer: a choice for each distinct candidate."""
        completions = self.question.completions(reply)
        choices = [_choice(index, each.text, "stop") for index, each in enumerate(completions)]
        return {**_head(reply), "choices": choices, "usage": usage(completions, reply)}

    def events(self, reply: FillReply) -> Sequence[Json | str]:
        """Each choice's text and then its end."""
        head = _head(reply)
        completions = self.question.completions(reply)
        events: list[Json | str] = []
        for index, each in enumerate(completions):
            events.append({**head, "choices": [_choice(index, each.text, None)]})
            events.append({**head, "choices": [_choice(index, "", "stop")]})
        if self.tells_usage:
            events.append({**head, "choices": [], "usage": usage(completions, reply)})
        return [*events, DONE]


def read(body: bytes) -> TextCompletion:
    """A request. Without `max_tokens` OpenAI's default applies, which is one short line."""
    fields = Fields.of_body(body)
    prefix, suffix = _around(_prompt(fields), fields.text("suffix", ""))
    question = Question(
        prefix=prefix,
        suffix=suffix,
        max_tokens=fields.integer("max_tokens", _DEFAULT_TOKENS),
        stops=fields.texts("stop"),
        candidates=_candidates(fields),
        seed=max(0, fields.integer("seed") or 0),
    ).unpacked()
    tells_usage = fields.object("stream_options").flag("include_usage")
    return TextCompletion(question, fields.flag("stream"), tells_usage)


def failure(status: int, error: Exception) -> Failure:
    """OpenAI's form of an error."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    param = error.field if isinstance(error, FieldError) else None
    what = {"message": str(error), "type": kind, "param": param, "code": None}
    return Failure(status, {"error": what})


def usage(completions: Sequence[Completion], reply: FillReply) -> Json:
    """The token counts of an answer, with cached ones listed separately."""
    filled = sum(each.tokens for each in completions)
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": filled,
        "total_tokens": reply.prompt_tokens + filled,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
    }


DIALECT = Dialect("openai", "/v1/completions", read, failure)


def _prompt(fields: Fields) -> str:
    """The prompt, which may be a list with one element."""
    prompts = fields.texts("prompt")
    if len(prompts) != 1:
        raise FieldError.must_be("prompt", "one string")
    return prompts[0]


def _around(prompt: str, suffix: str) -> tuple[str, str]:
    """The text before the gap and the text after it.

    Clients without `suffix`, such as Zed, write both into the prompt between a model's special
    tokens: StarCoder's (https://arxiv.org/abs/2305.06161) or Qwen's.
    """
    for first, second, last in _MARKS:
        if prompt.startswith(first) and second in prompt and prompt.endswith(last):
            before, _, after = prompt[len(first) : -len(last)].partition(second)
            return before, after
    return prompt, suffix


def _candidates(fields: Fields) -> int:
    wanted = fields.integer("n", 1) or 0
    if not 1 <= wanted <= MAX_CANDIDATES:
        raise FieldError.must_be("n", f"from 1 to {MAX_CANDIDATES}")
    return wanted


def _head(reply: FillReply) -> Json:
    return {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": reply.model,
    }


def _choice(index: int, text: str, finish_reason: str | None) -> Json:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}
