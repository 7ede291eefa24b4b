"""Middleware for every request: counting, and limits for requests that need memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dgls.engine.service import Service

_OTHER = "other"


class Counted:
    """Counts each answer by endpoint and status. Unknown paths are one endpoint."""

    def __init__(self, app: ASGIApp, service: Service, paths: Collection[str]) -> None:
        self._app = app
        self._service = service
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on (an ASGI application)."""
        endpoint = scope["path"] if scope.get("path") in self._paths else _OTHER

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._service.metrics.answered(endpoint, message["status"])
            await send(message)

        await self._app(scope, receive, counting)


class Admitted:
    """An endpoint that keeps its place among the engine's requests until its answer is sent."""

    def __init__(
        self, service: Service, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> None:
        self._service = service
        self._app = request_response(endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer (an ASGI application). Raises `EngineBusyError` for too many requests."""
        source = (scope.get("client") or ("", 0))[0]
        with self._service.admitted(source):
            await self._app(scope, receive, send)
