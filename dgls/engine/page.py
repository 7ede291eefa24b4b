"""The page that `dgls serve --port` shows in a browser, and its requests."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import accumulate

from dgls.errors import EngineProtocolError
from dgls.protocol import FillRequest, Limits
from dgls.requests.builder import EXPLICIT_CANDIDATES, Asker, Task
from dgls.syntax.cursor import Budget
from dgls.syntax.detect import detected
from dgls.syntax.source import Source
from dgls.text.spans import Span

PATH = "/page/fill"
"""The page's path for fills. No other page may use it (`dgls.engine.guard`)."""

_MAX_GAPS = 8
_MAX_LINES = 8
_FIELDS = {"parts": list, "name": str, "lines": int}


@cache
def page() -> str:
    """The page as HTML. It loads nothing else."""
    return files("dgls.engine").joinpath("page.html").read_text(encoding="utf-8")


@cache
def headers() -> Mapping[str, str]:
    """The headers of the page: only its own script and style may run."""
    script, style = (_hash(tag) for tag in ("script", "style"))
    return {
        "content-security-policy": (
            f"default-src 'none'; script-src '{script}'; style-src '{style}'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def page_request(data: bytes, budget: Budget) -> FillRequest:
    """The fill that the page requests: the texts between its marks, and the file's name.

    Raises `EngineProtocolError` for anything else.
    """
    call = _read(data)
    text = "".join(call.parts)
    source = Source.parse(text, detected(text, call.name))
    places = [Span(end, end) for end in accumulate(map(len, call.parts[:-1]))]
    task = Task.at(source, places, budget, lines=call.lines)
    return task.request(Asker("page", "fill", path=call.name), Limits(None, EXPLICIT_CANDIDATES))


@dataclass(frozen=True, slots=True)
class _PageCall:
    """The texts between the marks, the file's name, and the most lines of a gap."""

    parts: list[str]
    name: str
    lines: int


def _read(data: bytes) -> _PageCall:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineProtocolError("The page's request is not JSON; nothing was filled.") from error
    if not isinstance(fields, dict) or fields.keys() != _FIELDS.keys():
        raise EngineProtocolError(f"Give {', '.join(_FIELDS)}; nothing was filled.")
    if any(type(fields[name]) is not kind for name, kind in _FIELDS.items()):
        raise EngineProtocolError("A field has the wrong type; nothing was filled.")
    if not all(isinstance(part, str) for part in fields["parts"]):
        raise EngineProtocolError("Every part must be a string; nothing was filled.")
    if not 2 <= len(fields["parts"]) <= _MAX_GAPS + 1:
        raise EngineProtocolError(f"Mark 1 to {_MAX_GAPS} gaps; nothing was filled.")
    if not 1 <= fields["lines"] <= _MAX_LINES:
        raise EngineProtocolError(f"Ask for 1 to {_MAX_LINES} lines; nothing was filled.")
    return _PageCall(**fields)


def _hash(tag: str) -> str:
    match = re.search(f"<{tag}>(.*?)</{tag}>", page(), re.DOTALL)
    assert match is not None
    return "sha256-" + b64encode(sha256(match[1].encode()).digest()).decode()
