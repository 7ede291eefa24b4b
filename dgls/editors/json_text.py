"""Adds keys to the text of a JSON object, which may have comments and trailing commas.

The existing text stays unchanged; only new members and the commas that they need are inserted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dgls.errors import InputError
from dgls.text.lines import split_lines

_STRING = r'"(?:[^"\\]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class _Member:
    start: int
    end: int
    value: Any


def with_keys(text: str, additions: Mapping[str, Any]) -> str:
    """The text with `additions` in its object; unchanged if they are there already.

    Raises `InputError` if it has no JSON object, or the user has set a key to something else.
    """
    text = text if text.strip() else "{}\n"
    if not isinstance(_read(text), dict):
        raise InputError("it does not hold a JSON object")
    added = _added(text, additions, (), _unit(text))
    _read(added)
    return added


def _read(text: str) -> Any:
    try:
        return json.loads(_plain(text))
    except ValueError as error:
        raise InputError(f"it is not JSON ({error})") from error


def _plain(text: str) -> str:
    """The text with comments and trailing commas replaced by spaces; offsets stay the same."""
    return _LAST_COMMA.sub(_blank, _COMMENT.sub(_blank, text))


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == '"' else re.sub(r"[^\n]", " ", found[0])


def _added(text: str, additions: Mapping[str, Any], path: tuple[str, ...], unit: str) -> str:
    """The text with additions in the object at `path`."""
    for name, value in additions.items():
        there = _object_at(text, path)[0].get(name)
        if there is None:
            text = _with_member(
                text, path, f"{json.dumps(name)}: {_written(value, path, unit)}", unit
            )
        elif isinstance(there.value, dict) and isinstance(value, Mapping):
            text = _added(text, value, (*path, name), unit)
        elif there.value is None or "dgls" in json.dumps(there.value):
            if there.value != value:
                text = text[: there.start] + _written(value, path, unit) + text[there.end :]
        elif there.value != value:
            where = ".".join((*path, name))
            raise InputError(f"it sets {where} to {json.dumps(there.value)}")
    return text


def _object_at(text: str, path: tuple[str, ...]) -> tuple[dict[str, _Member], int]:
    """The members of an object by key, the last of each, and the offset of its brace."""
    plain = _plain(text)
    members, close = _members(plain, plain.index("{"))
    for name in path:
        members, close = _members(plain, members[name].start)
    return members, close


def _members(plain: str, brace: int) -> tuple[dict[str, _Member], int]:
    found: dict[str, _Member] = {}
    at = _after_space(plain, brace + 1)
    while plain[at] != "}":
        name, at = _DECODER.raw_decode(plain, at)
        start = _after_space(plain, plain.index(":", at) + 1)
        value, end = _DECODER.raw_decode(plain, start)
        found[name] = _Member(start, end, value)
        at = _after_space(plain, end)
        if plain[at] == ",":
            at = _after_space(plain, at + 1)
    return found, at


def _after_space(plain: str, at: int) -> int:
    return len(plain) - len(plain[at:].lstrip())


def _with_member(text: str, path: tuple[str, ...], member: str, unit: str) -> str:
    """The text with one more member, after the last one and the comments that follow it."""
    members, close = _object_at(text, path)
    head, tail = text[:close].rstrip(), text[close:]
    if members:
        last = max(each.end for each in members.values())
        if "," not in _COMMENT.sub(_blank, text)[last:close]:
            head = f"{head[:last]},{head[last:]}"
    margin = unit * len(path)
    return f"{head}\n{margin}{unit}{member}\n{margin}{tail}"


def _written(value: Any, path: tuple[str, ...], unit: str) -> str:
    margin = unit * (len(path) + 1)
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", f"\n{margin}")


def _unit(text: str) -> str:
    """The first indentation of a text, two spaces if it has none."""
    for line in split_lines(text):
        space = line[: len(line) - len(line.lstrip())]
        if space and not line.lstrip().startswith(("*", "/")):
            return "\t" if space[0] == "\t" else space
    return "  "
