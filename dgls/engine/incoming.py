"""A request in progress: its body within limits, and its client while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")

_BODY_S = 10.0


async def body_of(request: Request, limit: int) -> bytes:
    """The request's body. Raises `HTTPException` (408, 413) if it is late or too large."""
    declared = request.headers.get("content-length", "")
    body = bytearray()
    too_large = declared.isdigit() and int(declared) > limit
    try:
        async with asyncio.timeout(_BODY_S):
            if not too_large:
                async for chunk in request.stream():
                    body += chunk
                    too_large = len(body) > limit
                    if too_large:
                        break
    except TimeoutError as late:
        why = f"The request was not complete after {_BODY_S:g} s; nothing was filled."
        raise HTTPException(408, why, {"connection": "close"}) from late
    if too_large:
        raise HTTPException(413, f"The request exceeds {limit} bytes; nothing was filled.")
    return bytes(body)


async def while_connected(request: Request, work: Coroutine[None, None, T]) -> T:
    """The work's result. Cancels it and raises `ClientDisconnect` if the client disconnects."""
    result = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({result, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not result.done():
            raise ClientDisconnect
        return result.result()
    finally:
        result.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
