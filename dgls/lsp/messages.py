"""JSON-RPC messages out of a stream of bytes, whatever else is in it.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.18/specification/#headerPart
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

LARGEST_BYTES = 64 * 1024 * 1024
"""Most bytes of a message; no document that a model reads is larger."""

LONGEST_LINE = 64 * 1024

PARSE_ERROR, INVALID_REQUEST = -32700, -32600

_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,20})[ \t]*\r?\n?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that is no message: the code and the sentence that answer it.

    `number` is the request's own, where it has one that can be answered.
    """

    code: int
    message: str
    number: int | float | str | None = None


_BEYOND_NUMBERS = 2**63
_UNTOLD = "The message has no method or no id that can be used; nothing was done."

Message = dict[str, Any] | Bad


async def messages(reader: asyncio.StreamReader, begun: bytes = b"") -> AsyncIterator[Message]:
    """Each message until the stream ends. Raises `IncompleteReadError` where it ends within one.

    After what is no message the next header is looked for. `begun` was read from the first line.
    """
    length: int | None = None
    while line := begun + await _line(reader):
        begun = b""
        if found := _LENGTH.search(line):
            length = int(found.group(1))
            if length > LARGEST_BYTES:
                length = None
                yield Bad(
                    INVALID_REQUEST,
                    f"A message of {int(found.group(1))} bytes is over the limit of "
                    f"{LARGEST_BYTES}; it was left out.",
                )
        elif length is not None and not line.strip():
            yield _parsed(await reader.readexactly(length))
            length = None


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; of one that is too long its first bytes. Empty at the end."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as long:
        return await reader.read(max(1, long.consumed))


def _parsed(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return Bad(PARSE_ERROR, "The message is not JSON; nothing was done.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return Bad(INVALID_REQUEST, "The message is not JSON-RPC 2.0; nothing was done.")
    return _whole(message)


def _whole(message: dict[str, Any]) -> Message:
    """The message, where it can be told what it is; else what answers it."""
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
