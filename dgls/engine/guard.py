"""Guards loopback ports against foreign web pages, and foreign programs without the token.

A web page can make a browser send requests to 127.0.0.1, also under its own name (DNS rebinding).
Browsers reveal this by an `Origin` header, and by that name in `Host`. A Unix socket needs no
guard, because only its user can open it. The engine's own page (`dgls.engine.page`) asks from its
own origin, with a token that only the printed address has.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dgls.engine.page import PATH as PAGE_FILL
from dgls.errors import EngineProtocolError
from dgls.protocol_json import error_to_json

_LOOPBACK_NAMES = (b"127.0.0.1", b"localhost", b"[::1]")
_OF_THE_SOCKET_ALONE = {
    "/v1/shutdown": "Only the engine's own socket can stop it: dgls serve --stop",
    "/v1/last": "Only the engine's own socket gives the last fill: dgls why",
}


class LoopbackGuard:
    """Refuses forbidden requests over a port with 401 or 403.

    `tokens` maps each listening port to its required token, or to None for a port that every
    program on this machine may use. `page_token` is that of the engine's own page on such a port,
    "" if there is no page.
    """

    def __init__(
        self, app: ASGIApp, tokens: Mapping[int, str | None], page_token: str = ""
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._page_token = page_token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on (an ASGI application)."""
        refused = self._refusal(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
            return
        status, why = refused
        body = error_to_json(EngineProtocolError(f"{why}; nothing was done."))
        await Response(body, status, media_type="application/json")(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        port = (scope.get("server") or (None, None))[1]
        if port is None:
            return None
        headers = dict(scope["headers"])
        if headers.get(b"host", b"") not in _hosts(port):
            return 403, "The Host header must name a loopback address"
        token = self._tokens.get(port)
        if token is None and scope["path"] == PAGE_FILL:
            return self._refusal_of_page(headers)
        if b"origin" in headers:
            return 403, "The engine does not answer web pages"
        if token is not None and not _carries(headers, token):
            return 401, "The engine's token is missing or wrong"
        if token is None and scope["path"] in _OF_THE_SOCKET_ALONE:
            return 403, _OF_THE_SOCKET_ALONE[scope["path"]]
        return None

    def _refusal_of_page(self, headers: Mapping[bytes, bytes]) -> tuple[int, str] | None:
        own = b"http://" + headers[b"host"]
        if headers.get(b"origin", own) != own:
            return 403, "The engine does not answer other web pages"
        if not self._page_token or not _carries(headers, self._page_token):
            return 401, "Open the page with the address that dgls serve --port printed"
        return None


def _hosts(port: int) -> set[bytes]:
    return {host for name in _LOOPBACK_NAMES for host in (name, b"%s:%d" % (name, port))}


def _carries(headers: Mapping[bytes, bytes], token: str) -> bool:
    return hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {token}".encode())
