"""The engine's HTTP API (`docs/protocol.md`): fill, health, models, shutdown."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dgls.engine.scheduler import Scheduler
from dgls.engine.status import EngineStatus
from dgls.errors import (
    DglsError,
    EngineBusyError,
    EngineError,
    EngineProtocolError,
    InputError,
    Stopped,
)
from dgls.protocol import Draft, FillReply, FillRequest, error_to_json, request_from_json, to_json

JSON = "application/json"
JSON_LINES = "application/x-ndjson"
_BODY_S = 10.0
_MOST_DRAFTS = 64
"""Drafts that wait for a slow reader; older ones are dropped."""

_STATUSES: tuple[tuple[type[DglsError], int], ...] = (
    (EngineProtocolError, 400),
    (Stopped, 409),
    (InputError, 422),
    (EngineBusyError, 429),
)


@dataclass
class Service:
    """What the routes serve. `scheduler` is None until the model is loaded."""

    status: EngineStatus
    shut_down: Callable[[], None]
    max_request_bytes: int
    max_requests: int
    scheduler: Scheduler | None = None
    requests: int = 0


def create_app(service: Service, middleware: tuple[Middleware, ...] = ()) -> Starlette:
    """The ASGI application."""
    app = Starlette(
        routes=[
            Route("/v1/fill", _fill, methods=["POST"]),
            Route("/v1/models", _models, methods=["GET"]),
            Route("/v1/shutdown", _shutdown, methods=["POST"]),
            Route("/health", _health, methods=["GET"]),
        ],
        middleware=middleware,
        exception_handlers={
            DglsError: _answer_error,
            HTTPException: _answer_http_error,
            ClientDisconnect: _answer_nobody,
            Exception: _answer_unforeseen,
        },
    )
    app.state.service = service
    return app


async def _health(request: Request) -> Response:
    return Response(to_json(_service(request).status.health), media_type=JSON)


async def _models(request: Request) -> Response:
    name = _service(request).status.health.model
    models = [{"id": name, "object": "model", "owned_by": "dgls"}]
    return Response(json.dumps({"object": "list", "data": models}), media_type=JSON)


async def _shutdown(request: Request) -> Response:
    _service(request).shut_down()
    return Response("{}", 202, media_type=JSON)


async def _fill(request: Request) -> Response:
    service = _service(request)
    if service.requests >= service.max_requests:
        raise EngineBusyError("The engine has too many requests already; this one was refused.")
    service.requests += 1
    try:
        wanted = request_from_json(await _body(request, service.max_request_bytes))
        if service.scheduler is None:
            why = error_to_json(service.status.why_not_ready())
            return Response(why, 503, {"retry-after": "1"}, media_type=JSON)
        if _wants_drafts(request):
            return StreamingResponse(_lines(service.scheduler, wanted), media_type=JSON_LINES)
        reply = await _while_connected(request, service.scheduler.fill(wanted))
        return Response(to_json(reply), media_type=JSON)
    finally:
        service.requests -= 1


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _wants_drafts(request: Request) -> bool:
    asked = request.query_params.get("stream", "").lower() in {"1", "true"}
    return asked or JSON_LINES in request.headers.get("accept", "")


async def _body(request: Request, limit: int) -> bytes:
    """The request's body. Raises `HTTPException` (408, 413) where it is late or too large."""
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
        why = f"The request was not whole after {_BODY_S:g} s; nothing was filled."
        raise HTTPException(408, why, {"connection": "close"}) from late
    if too_large:
        raise HTTPException(413, f"The request is over {limit} bytes; nothing was filled.")
    return bytes(body)


async def _while_connected(request: Request, fill: Coroutine[None, None, FillReply]) -> FillReply:
    """The fill's reply. Stops the fill and raises `ClientDisconnect` when the client goes."""
    reply = asyncio.ensure_future(fill)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({reply, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            raise ClientDisconnect
        return reply.result()
    finally:
        reply.cancel()
        gone.cancel()


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(scheduler: Scheduler, request: FillRequest) -> AsyncIterator[str]:
    """Each draft as a line of JSON, then the reply, or the error that ended the fill."""
    drafts: deque[Draft] = deque(maxlen=_MOST_DRAFTS)
    news = asyncio.Event()

    def on_draft(draft: Draft) -> None:
        drafts.append(draft)
        news.set()

    fill = asyncio.ensure_future(scheduler.fill(request, on_draft))
    fill.add_done_callback(lambda _: news.set())
    try:
        while not fill.done():
            await news.wait()
            news.clear()
            while drafts:
                yield to_json(drafts.popleft()) + "\n"
        yield _last_line(fill)
    finally:
        fill.cancel()


def _last_line(fill: asyncio.Future[FillReply]) -> str:
    try:
        return to_json(fill.result()) + "\n"
    except DglsError as error:
        return error_to_json(error) + "\n"


async def _answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DglsError)
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    return Response(error_to_json(error), status, media_type=JSON)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = error_to_json(EngineProtocolError(str(error.detail)))
    return Response(body, error.status_code, error.headers, media_type=JSON)


async def _answer_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


async def _answer_unforeseen(request: Request, error: Exception) -> Response:
    what = f"The engine failed ({type(error).__name__}); its log says where."
    return Response(error_to_json(EngineError(what)), 500, media_type=JSON)
