"""The types of `protocol.py` as JSON, as sent over the engine's socket, and back.

Anything else is refused with a sentence that says what was expected and quotes no code.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from typing import Any, TypeVar

from dgls.errors import DglsError, EngineProtocolError, error_of_kind
from dgls.protocol import (
    Draft,
    EngineState,
    Fill,
    FillReply,
    FillRequest,
    Gap,
    Health,
    LastFill,
    Limits,
    Snippet,
    Timings,
    Trigger,
)
from dgls.text.encodings import whole

T = TypeVar("T")


def to_json(value: FillRequest | FillReply | LastFill | Draft | Health) -> str:
    """The value as one compact line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_fields_of)


def _fields_of(value: Any) -> dict[str, Any]:
    """A dataclass as a dict of its fields; unlike `dataclasses.asdict` it copies nothing."""
    return {name: getattr(value, name) for name, _ in _declared(type(value))}  # type: ignore[arg-type]


@functools.cache
def _declared(kind: type) -> tuple[tuple[str, str], ...]:
    """The fields of a dataclass: the name and the annotated type of each."""
    return tuple((each.name, str(each.type)) for each in dataclasses.fields(kind))


def request_from_json(data: str | bytes) -> FillRequest:
    """Parse a request. Raises `EngineProtocolError` for anything else."""
    try:
        fields = _checked(_fields(data, FillRequest))
    except RecursionError as error:
        raise EngineProtocolError("Not a FillRequest: it is nested too deep.") from error
    fields["parts"] = tuple(_strings(fields.get("parts", ())))
    fields["around"] = tuple(_strings(fields.get("around", ["", ""])))
    fields["gaps"] = tuple(_build(Gap, gap) for gap in _list(fields, "gaps", [{}]))
    snippets = _list(fields, "snippets", [])
    fields["snippets"] = tuple(_build(Snippet, snippet) for snippet in snippets)
    fields["limits"] = _build(Limits, fields.get("limits", {}))
    try:
        fields["trigger"] = Trigger(fields.get("trigger", "explicit"))
    except ValueError as error:
        raise EngineProtocolError(f"Not a fill request: {error}.") from error
    return _build(FillRequest, fields)


def reply_from_json(data: str | bytes) -> FillReply:
    """Parse a reply. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, FillReply)
    if "candidates" not in fields:
        raise EngineProtocolError("Not a FillReply: it has no candidates.")
    candidates = [_texts(candidate) for candidate in _list(fields, "candidates", [])]
    fields["candidates"] = tuple(_build(Fill, candidate) for candidate in candidates)
    fields["timings"] = _build(Timings, fields.get("timings", {}))
    return _build(FillReply, fields)


def last_from_json(data: str | bytes) -> LastFill:
    """Parse the last fill. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, LastFill)
    fields["request"] = request_from_json(json.dumps(fields.get("request")))
    fields["reply"] = reply_from_json(json.dumps(fields.get("reply")))
    return _build(LastFill, fields)


def draft_from_json(data: str | bytes) -> Draft:
    """Parse a draft. Raises `EngineProtocolError` for anything else."""
    fields = _texts(_fields(data, Draft))
    for name in ("tokens", "accepted", "ahead"):
        fields[name] = tuple(_list(fields, name, []))
    return _build(Draft, fields)


def health_from_json(data: str | bytes) -> Health:
    """Parse an engine's health. Raises `EngineProtocolError` for anything else."""
    fields = _fields(data, Health)
    try:
        fields["state"] = EngineState(fields.get("state", ""))
    except ValueError as error:
        raise EngineProtocolError(f"Not an engine's health: {error}.") from error
    fields["languages"] = tuple(_strings(fields.get("languages", ())))
    return _build(Health, fields)


def error_to_json(error: DglsError) -> str:
    """The error as `{"error": {"kind", "message"}}`: its class by name, and its sentence."""
    body = {"error": {"kind": type(error).__name__, "message": str(error)}}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def error_from_json(data: str | bytes) -> DglsError:
    """The error of a failed reply, of its own class; an unknown kind becomes `EngineError`.

    Raises `EngineProtocolError` for anything else.
    """
    fields = _fields(data, DglsError).get("error")
    if not isinstance(fields, dict):
        raise EngineProtocolError("Not an error of the engine: a field 'error' was expected.")
    return error_of_kind(str(fields.get("kind", "")), str(fields.get("message", "")))


def _fields(data: str | bytes, kind: type) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        # The parser's message has a position and never quotes the text, so it may be shown.
        raise EngineProtocolError(f"Not a {kind.__name__}: not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise EngineProtocolError(f"Not a {kind.__name__}: a JSON object was expected.")
    return value


def _texts(fields: Any) -> dict[str, Any]:
    if not isinstance(fields, dict):
        raise EngineProtocolError("Not a fill: a JSON object was expected.")
    return {**fields, "texts": tuple(_strings(fields.get("texts", ())))}


def _list(fields: dict[str, Any], name: str, default: list[Any]) -> list[Any]:
    value = fields.get(name, default)
    if not isinstance(value, list):
        raise EngineProtocolError(f"'{name}' must be a list.")
    return value


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EngineProtocolError("A list of strings was expected.")
    return value


def _build(kind: type[T], fields: Any) -> T:
    if not isinstance(fields, dict):
        raise EngineProtocolError(f"Not a {kind.__name__}: a JSON object was expected.")
    for name, wanted in _declared(kind):  # type: ignore[arg-type]
        if name in fields and not _is_plain(fields[name], wanted):
            raise EngineProtocolError(f"Not a {kind.__name__}: '{name}' must be {wanted}.")
    try:
        return kind(**fields)
    except TypeError as error:
        raise EngineProtocolError(f"Not a {kind.__name__}: {error}.") from error


_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "int | None": (int, type(None)),
    "float": (int, float),
    "float | None": (int, float, type(None)),
}


def _is_plain(value: Any, wanted: str) -> bool:
    """Whether `value` has the plain type `wanted`; other types are built, not checked."""
    allowed = _PLAIN.get(wanted)
    if allowed is None:
        return True
    # JSON's true is an int in Python, but it is not accepted as a number here.
    return bool in allowed if isinstance(value, bool) else isinstance(value, allowed)


def _checked(value: Any, name: str = "request") -> Any:
    """The value with each lone surrogate replaced, because no model can read it.

    Raises `EngineProtocolError` for a number that is not finite or has more than 64 bits.
    """
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(key): _checked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_checked(inner, name) for inner in value]
    if isinstance(value, (int, float)) and not _is_bounded(value):
        raise EngineProtocolError(
            f"Not a FillRequest: '{whole(name)}' must be a finite number of at most 64 bits."
        )
    return value


def _is_bounded(value: float) -> bool:
    return value.bit_length() < 64 if isinstance(value, int) else math.isfinite(value)
