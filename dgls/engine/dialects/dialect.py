"""The interface of a dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dgls.engine.dialects.question import Question
from dgls.protocol import FillReply

Json = dict[str, Any]
DONE = "[DONE]"
"""The last event of OpenAI's and Mistral's streams."""


class DialectRequest(Protocol):
    """One request as read by its dialect, and its answers."""

    @property
    def question(self) -> Question:
        """The question that it asks."""

    @property
    def is_streamed(self) -> bool:
        """Whether a stream of events is wanted instead of one answer."""

    def answer(self, reply: FillReply) -> Json:
        """The complete answer."""

    def events(self, reply: FillReply) -> Sequence[Json | str]:
        """The answer as the events of a stream: its text, then its end."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP status and its body."""

    status: int
    body: Json


@dataclass(frozen=True, slots=True)
class Dialect:
    """The path of a dialect, how its requests are read, and how failures are reported.

    `read` raises `EngineProtocolError` for an invalid body.
    """

    name: str
    path: str
    read: Callable[[bytes], DialectRequest]
    failure: Callable[[int, Exception], Failure]


def one_line(value: Json) -> str:
    """Compact JSON. llama.vim looks for `"content":` without a space."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event_stream(events: Sequence[Json | str]) -> str:
    """Server-sent events."""
    lines = (event if isinstance(event, str) else one_line(event) for event in events)
    return "".join(f"data: {line}\n\n" for line in lines)
