"""Errors as HTTP answers, in the form that each path's clients expect."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from dgls.engine.dialects import DIALECTS
from dgls.engine.dialects.dialect import one_line
from dgls.engine.service import NotReadyError
from dgls.errors import (
    DglsError,
    EngineBusyError,
    EngineError,
    EngineProtocolError,
    InputError,
    Stopped,
)
from dgls.protocol_json import error_to_json

JSON = "application/json"

_STATUSES: tuple[tuple[type[DglsError], int], ...] = (
    (EngineProtocolError, 400),
    (Stopped, 409),
    (InputError, 422),
    (EngineBusyError, 429),
)
_FAILURES = {dialect.path: dialect.failure for dialect in DIALECTS}


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, DglsError)
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    return _answer(request, status, error)


async def _refuse_call(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    shown = EngineProtocolError(str(error.detail))
    return _answer(request, error.status_code, shown, error.headers)


async def _not_ready(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotReadyError)
    return _answer(request, 503, error.reason, {"retry-after": "1"})


async def _internal_error(request: Request, error: Exception) -> Response:
    what = f"The engine failed ({type(error).__name__}); its log says where."
    return _answer(request, 500, EngineError(what))


async def _client_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)


HANDLERS: Mapping[type[Exception], ExceptionHandler] = {
    DglsError: _refuse,
    HTTPException: _refuse_call,
    NotReadyError: _not_ready,
    ClientDisconnect: _client_gone,
    Exception: _internal_error,
}
"""The handler for each kind of error that a route raises."""


def _answer(
    request: Request, status: int, error: DglsError, headers: Mapping[str, str] | None = None
) -> Response:
    shape = _FAILURES.get(request.url.path)
    if shape is None:
        return Response(error_to_json(error), status, headers, media_type=JSON)
    failure = shape(status, error)
    return Response(one_line(failure.body), failure.status, headers, media_type=JSON)
