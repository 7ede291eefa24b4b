"""Extracts JSON-RPC messages from a stream of bytes, and tolerates anything else in it.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.18/specification/#headerPart
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

LARGEST_BYTES = 64 * 1024 * 1024
"""The most bytes of a message; no document that a model reads is larger."""

LONGEST_LINE = 64 * 1024
_LONGEST_HEADER = 128

PARSE_ERROR, INVALID_REQUEST = -32700, -32600

_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,20})[ \t]*\r?\n?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bad:
    """An invalid message, with the code and the sentence of its reply.

    `number` is the request's id, if it has a valid one.
    """

    code: int
    message: str
    number: int | float | str | None = None


_BEYOND_NUMBERS = 2**63
_UNTOLD = "The message has no valid method or id; nothing was done."

Message = dict[str, Any] | Bad


class _Unfinished(Enum):
    """Marks that more bytes are needed."""

    YET = "yet"


_UNFINISHED = _Unfinished.YET


class Framer:
    """Makes messages of bytes that arrive in pieces; invalid ones are skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None
        self._in_body = False

    def feed(self, data: bytes) -> Iterator[Message]:
        """Each message that is complete with these bytes."""
        self._buffer += data
        while (message := self._body() if self._in_body else self._head()) is not _UNFINISHED:
            if message is not None:
                yield message

    def _head(self) -> Message | _Unfinished | None:
        """Read one header line; a reply if it declares too large a body."""
        line = self._line()
        if line is None:
            return _UNFINISHED
        if found := _LENGTH.search(line):
            length = int(found.group(1))
            self._length = length if length <= LARGEST_BYTES else None
            if self._length is None:
                return Bad(
                    INVALID_REQUEST,
                    f"A message of {length} bytes exceeds the limit of {LARGEST_BYTES}; it "
                    "was ignored.",
                )
        self._in_body = self._length is not None and not line.strip()
        return None

    def _body(self) -> Message | _Unfinished:
        assert self._length is not None
        if len(self._buffer) < self._length:
            return _UNFINISHED
        body = self._taken(self._length)
        self._length, self._in_body = None, False
        return _parsed(body)

    def _line(self) -> bytes | None:
        """The next line; None if it is incomplete. Of one that is too long only the end is kept."""
        while (end := self._buffer.find(b"\n", 0, LONGEST_LINE)) < 0:
            if len(self._buffer) < LONGEST_LINE:
                return None
            del self._buffer[: LONGEST_LINE - _LONGEST_HEADER]
        return self._taken(end + 1)

    def _taken(self, count: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken


def _parsed(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return Bad(PARSE_ERROR, "The message is not JSON; nothing was done.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return Bad(INVALID_REQUEST, "The message is not JSON-RPC 2.0; nothing was done.")
    return _whole(message)


def _whole(message: dict[str, Any]) -> Message:
    """The message if it is valid; else its error reply."""
    number, method = message.get("id"), message.get("method")
    numbered = _is_id(number)
    if "method" in message:
        good = isinstance(method, str) and method != "" and (numbered or "id" not in message)
    else:
        good = ("result" in message or "error" in message) and (numbered or number is None)
    return message if good else Bad(INVALID_REQUEST, _UNTOLD, number if numbered else None)


def _is_id(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return isinstance(value, str)
    return abs(value) < _BEYOND_NUMBERS
