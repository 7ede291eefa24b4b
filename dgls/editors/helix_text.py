"""Adds dgls to the text of Helix's languages.toml, leaving the rest unchanged."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dgls.errors import InputError

_ENTRY = "[[language]]\n"
_HEADER = re.compile(r"^\[.*$", re.MULTILINE)
_NAME = re.compile(r"^name[ \t]*=.*$", re.MULTILINE)
_SERVERS = re.compile(r"^language-servers[ \t]*=[ \t]*\[", re.MULTILINE)
_BRACKET = re.compile(r"""\"(?:[^"\\\n]|\\.)*\"|'[^'\n]*'|#[^\n]*|[\[\]]""")
_LAST_ITEM = re.compile(r"""(["'}])\s*(,?)\s*(?:#[^\n]*\s*)*$""")


def helix_languages(shipped: str) -> Callable[[str], str]:
    """A function that merges the shipped file's server and languages into the user's file.

    A language in the user's file gets dgls at the end of its `language-servers`, if the text can be
    understood. If the user's file has the server already, nothing is changed.
    """

    def merge(old: str) -> str:
        values = _toml(old)
        if _server(values):
            return old
        head, *entries = shipped.split(_ENTRY)
        there, new = _languages(values), ""
        for entry in entries:
            name = _name(entry)
            if name in there:
                old = _with_dgls(old, name, entry)
            else:
                new += _ENTRY + entry
        new = (f"{old.rstrip()}\n\n" if old.strip() else "") + head + new
        _toml(new)
        return new

    return merge


def helix_without(shipped: str) -> Callable[[str], str]:
    """A function that tells where the user's file has another dgls or lacks it; "" if nowhere."""
    known = _languages(_toml(shipped))
    command = _server(_toml(shipped))["command"]

    def lacking(old: str) -> str:
        values = _toml(old)
        languages = _languages(values)
        names = [name for name in languages if name in known and not _has_dgls(languages[name])]
        there = _server(values).get("command", command)
        said = f"Your languages.toml starts {there}, not {command}." if there != command else ""
        if names:
            said += (
                f' Add "dgls" to the language-servers of {", ".join(names)}; it is missing there.'
            )
        return said.strip()

    return lacking


def _with_dgls(text: str, name: str, entry: str) -> str:
    """The text with dgls among the servers of a language; unchanged if that fails."""
    wanted = _toml(text)
    language = _languages(wanted)[name]
    if _has_dgls(language):
        return text
    language["language-servers"] = [
        *language.get("language-servers", _toml(entry)["language-servers"][:-1]),
        "dgls",
    ]
    for start, end in _entries(text):
        new = text[:start] + _entry_with_dgls(text[start:end], entry) + text[end:]
        try:
            if tomllib.loads(new) == wanted:
                return new
        except tomllib.TOMLDecodeError:
            continue
    return text


def _entry_with_dgls(user: str, entry: str) -> str:
    """The lines of a language with dgls added to its servers, or with the shipped list."""
    servers = _SERVERS.search(user)
    if servers is None:
        name = _NAME.search(user)
        line = next(line for line in entry.splitlines() if line.startswith("language-servers"))
        return user if name is None else f"{user[: name.end()]}\n{line}{user[name.end() :]}"
    last = _LAST_ITEM.search(user, servers.end(), _close(user, servers.end()))
    if last is None:
        return f'{user[: servers.end()]}"dgls"{user[servers.end() :]}'
    return f'{user[: last.end(1)]}, "dgls"{user[last.end(1) :]}'


def _close(text: str, start: int) -> int:
    """The end of the bracket opened before `start`; the end of the text if it is not closed."""
    depth = 1
    for found in _BRACKET.finditer(text, start):
        depth += {"[": 1, "]": -1}.get(found[0], 0)
        if not depth:
            return found.start()
    return len(text)


def _entries(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each table in the text."""
    starts = [found.start() for found in _HEADER.finditer(text)]
    yield from itertools.pairwise([*starts, len(text)])


def _has_dgls(language: Mapping[str, Any]) -> bool:
    servers = language.get("language-servers", [])
    return "dgls" in [each.get("name") if isinstance(each, dict) else each for each in servers]


def _languages(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    there = values.get("language", [])
    entries = [each for each in there if isinstance(each, dict)] if isinstance(there, list) else []
    return {str(each.get("name")): each for each in entries}


def _server(values: Mapping[str, Any]) -> dict[str, Any]:
    servers = values.get("language-server")
    server = servers.get("dgls") if isinstance(servers, dict) else None
    return server if isinstance(server, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"it is not TOML ({error})") from error


def _name(entry: str) -> str:
    """The name in the lines of one language."""
    return str(tomllib.loads(entry)["name"])
