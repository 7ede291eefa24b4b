"""What the engine wants of a dialect."""

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
    """One request as its dialect reads it, and how it is answered."""

    @property
    def question(self) -> Question:
        """What is asked for."""

    @property
    def is_streamed(self) -> bool:
        """Whether events are wanted instead of one answer."""

    def answer(self, reply: FillReply) -> Json:
        """The whole answer."""

    def events(self, reply: FillReply) -> Sequence[Json | str]:
        """The answer as the events of a stream: its text, then what ends it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A status of HTTP and the body that goes with it."""

    status: int
    body: Json


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where its clients post, how they are read, and how they are told of a failure.

    `read` raises `EngineProtocolError` for a body that cannot be understood.
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
