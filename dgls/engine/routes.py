"""The engine's HTTP API (`docs/protocol.md`): its own calls and those of other clients."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dgls.engine.dialects import DIALECTS
from dgls.engine.dialects.dialect import Dialect, event_stream, one_line
from dgls.engine.incoming import body_of, while_connected
from dgls.engine.metrics import CONTENT_TYPE
from dgls.engine.page import PATH as PAGE_FILL
from dgls.engine.page import headers, page, page_request
from dgls.engine.refusals import HANDLERS, JSON
from dgls.engine.service import Service
from dgls.engine.traffic import Admitted, Counted
from dgls.errors import DglsError, InputError
from dgls.protocol import Draft, FillReply, FillRequest
from dgls.protocol_json import error_to_json, request_from_json, to_json

JSON_LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
_MAX_DRAFTS = 64
"""The most drafts that wait for a slow reader; older ones are dropped."""

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(service: Service, middleware: tuple[Middleware, ...] = ()) -> Starlette:
    """The ASGI application."""
    fills = {
        "/v1/fill": _fill,
        PAGE_FILL: _fill_page,
        **{each.path: _infill(each) for each in DIALECTS},
    }
    routes = [
        Route(path, Admitted(service, endpoint), methods=["POST"])
        for path, endpoint in fills.items()
    ]
    routes += [
        Route("/", _page, methods=["GET"]),
        Route("/v1/models", _models, methods=["GET"]),
        Route("/v1/last", _last, methods=["GET"]),
        Route("/v1/shutdown", _shutdown, methods=["POST"]),
        Route("/health", _health, methods=["GET"]),
        Route("/metrics", _metrics, methods=["GET"]),
    ]
    counted = Middleware(Counted, service=service, paths=[route.path for route in routes])
    app = Starlette(routes=routes, middleware=(counted, *middleware), exception_handlers=HANDLERS)
    app.state.service = service
    return app


async def _health(request: Request) -> Response:
    return Response(to_json(_service(request).status.health), media_type=JSON)


async def _metrics(request: Request) -> Response:
    return Response(_service(request).metrics.page(), headers={"content-type": CONTENT_TYPE})


async def _models(request: Request) -> Response:
    service = _service(request)
    model = {"id": service.status.health.model, "object": "model", "owned_by": "dgls"}
    models = [{**model, "created": service.started}]
    return Response(json.dumps({"object": "list", "data": models}), media_type=JSON)


async def _last(request: Request) -> Response:
    last = _service(request).last
    if last is None:
        error = InputError("This engine has filled nothing yet; there is nothing to explain.")
        return Response(error_to_json(error), 404, media_type=JSON)
    return Response(to_json(last), media_type=JSON)


async def _shutdown(request: Request) -> Response:
    _service(request).shut_down()
    return Response("{}", 202, media_type=JSON)


async def _fill(request: Request) -> Response:
    service = _service(request)
    wanted = request_from_json(await body_of(request, service.max_request_bytes))
    if _wants_drafts(request):
        service.check_ready()
        return StreamingResponse(_lines(service, wanted), media_type=JSON_LINES)
    reply = await while_connected(request, service.fill(wanted))
    return Response(to_json(reply), media_type=JSON)


async def _page(request: Request) -> Response:
    return Response(page(), headers=headers(), media_type="text/html")


async def _fill_page(request: Request) -> Response:
    service = _service(request)
    wanted = page_request(await body_of(request, service.max_request_bytes), service.budget)
    service.check_ready()
    return StreamingResponse(_lines(service, wanted), media_type=JSON_LINES)


def _infill(dialect: Dialect) -> Endpoint:
    """The endpoint of other clients.

    A stream is sent at once when the fill is done. Its texts may only be extended, and no draft is
    certain to be the beginning of the text that the judge prefers in the end.
    """

    async def answer(request: Request) -> Response:
        service = _service(request)
        call = dialect.read(await body_of(request, service.max_request_bytes))
        wanted = call.question.request(dialect.name, service.budget)
        reply = await while_connected(request, service.fill(wanted))
        if call.is_streamed:
            return Response(event_stream(call.events(reply)), media_type=EVENTS)
        return Response(one_line(call.answer(reply)), media_type=JSON)

    return answer


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _wants_drafts(request: Request) -> bool:
    asked = request.query_params.get("stream", "").lower() in {"1", "true"}
    return asked or JSON_LINES in request.headers.get("accept", "")


async def _lines(service: Service, request: FillRequest) -> AsyncIterator[str]:
    """Each draft as a line of JSON, then the reply, or the error that ended the fill."""
    drafts: deque[Draft] = deque(maxlen=_MAX_DRAFTS)
    news = asyncio.Event()

    def on_draft(draft: Draft) -> None:
        drafts.append(draft)
        news.set()

    fill = asyncio.ensure_future(service.fill(request, on_draft))
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
