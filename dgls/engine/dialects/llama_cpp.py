"""llama.cpp's `POST /infill`, as llama.vim and llama.vscode send it.

https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dgls.engine.dialects.dialect import Dialect, Failure, Json
from dgls.engine.dialects.fields import Fields
from dgls.engine.dialects.question import Completion, Question
from dgls.protocol import FillReply, Snippet

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
_TYPES |= {429: "rate_limit_error", 503: "unavailable_error"}


@dataclass(frozen=True, slots=True)
class Infill:
    """One request. The answer has only the `response_fields`, if there are any."""

    question: Question
    is_streamed: bool
    response_fields: tuple[str, ...]

    def answer(self, reply: FillReply) -> Json:
        """The complete answer."""
        completion, *_ = self.question.completions(reply)
        whole = {**_part(completion.text, stop=True), **_costs(completion, reply)}
        return _picked(whole, self.response_fields) if self.response_fields else whole

    def events(self, reply: FillReply) -> Sequence[Json]:
        """The text, then everything else."""
        completion, *_ = self.question.completions(reply)
        last = {**_part("", stop=True), **_costs(completion, reply)}
        return [_part(completion.text, stop=False), last]


def read(body: bytes) -> Infill:
    """A request. The prefix is `input_prefix` followed by `prompt`, the cursor's line."""
    fields = Fields.of_body(body)
    question = Question(
        prefix=fields.text("input_prefix") + fields.text("prompt", ""),
        suffix=fields.text("input_suffix"),
        snippets=tuple(map(_snippet, fields.objects("input_extra"))),
        max_tokens=fields.integer("n_predict", -1),
        stops=fields.texts("stop"),
        min_indent=fields.integer("n_indent") or 0,
        deadline_ms=_deadline_ms(fields),
        seed=max(0, fields.integer("seed") or 0),
    ).unpacked()
    return Infill(question, fields.flag("stream"), fields.texts("response_fields"))


def failure(status: int, error: Exception) -> Failure:
    """llama.cpp's form of an error."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return Failure(status, {"error": {"code": status, "message": str(error), "type": kind}})


DIALECT = Dialect("llama.cpp", "/infill", read, failure)


def _snippet(fields: Fields) -> Snippet:
    return Snippet(fields.text("filename", ""), fields.text("text"))


def _deadline_ms(fields: Fields) -> float | None:
    """The total time for prompt and fill; there 0 and less mean no limit."""
    times = [fields.number(name) or 0 for name in ("t_max_prompt_ms", "t_max_predict_ms")]
    return sum(max(0, time) for time in times) or None


def _part(text: str, *, stop: bool) -> Json:
    return {"index": 0, "content": text, "tokens": [], "stop": stop}


def _costs(completion: Completion, reply: FillReply) -> Json:
    kind = "word" if completion.stopped_by else "eos" if reply.complete else "limit"
    return {
        "id_slot": 0,
        "model": reply.model,
        "tokens_predicted": completion.tokens,
        "tokens_evaluated": reply.prompt_tokens,
        "tokens_cached": reply.cached_tokens,
        "has_new_line": "\n" in completion.text,
        "truncated": False,
        "stop_type": kind,
        "stopping_word": completion.stopped_by,
        "timings": _timings(completion, reply),
    }


def _timings(completion: Completion, reply: FillReply) -> Json:
    times = reply.timings
    encoded = reply.prompt_tokens - reply.cached_tokens
    filled_ms = times.draft_ms + times.denoise_ms + times.judge_ms
    return {
        "cache_n": reply.cached_tokens,
        **_rates("prompt", encoded, times.encode_ms),
        **_rates("predicted", completion.tokens, filled_ms),
    }


def _rates(what: str, tokens: int, ms: float) -> Json:
    return {
        f"{what}_n": tokens,
        f"{what}_ms": ms,
        f"{what}_per_token_ms": ms / tokens if tokens else 0.0,
        f"{what}_per_second": 1000 * tokens / ms if ms else 0.0,
    }


def _picked(whole: Json, names: Sequence[str]) -> Json:
    """The fields with these names; `timings/prompt_n` is a field inside `timings`."""
    found = {}
    for name in names:
        value: Any = whole
        for step in name.split("/"):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found
