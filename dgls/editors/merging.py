"""What dgls adds to a file that is the user's: text in, text out, or a refusal.

Each function is given the file as it is (empty where there is none) and returns it with dgls in it.
The same text comes back where dgls is there already. Each raises `InputError` for what it does not
understand, and the file stays as it is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from dgls.errors import InputError
from dgls.text.lines import split_lines

Merge = Callable[[str], str]

MARK = "Written by dgls editor"
_BEGIN, _END = "dgls: begin", "dgls: end"


def own_file(text: str) -> Merge:
    """A file that is dgls's alone, known by the mark in its first line."""

    def merge(old: str) -> str:
        if old and MARK not in old.partition("\n")[0]:
            raise InputError("it exists and is not dgls's")
        return text

    return merge


def block(text: str, comment: str, foreign: str) -> Merge:
    """Lines between two comments, at the end of a file.

    `foreign` is what shows that the user has set dgls up by hand.
    """
    wrapped = f"{comment} {_BEGIN} ({MARK})\n{text}{comment} {_END}\n"

    def merge(old: str) -> str:
        before, begin, rest = old.partition(f"{comment} {_BEGIN}")
        _, end, after = rest.partition(f"{comment} {_END}\n")
        if foreign in before or foreign in after:
            raise InputError(f"it has {foreign} already, outside of dgls's own lines")
        if bool(begin) != bool(end):
            raise InputError(f"it has '{_BEGIN}' without '{_END}'")
        if begin:
            return before + wrapped + after
        space = "" if not old else "\n" if old.endswith("\n") else "\n\n"
        return old + space + wrapped

    return merge


def plain_json(additions: Mapping[str, Any]) -> Merge:
    """Keys of a JSON object. What the user has set to something else is not replaced."""

    def merge(old: str) -> str:
        try:
            values = json.loads(old) if old.strip() else {}
        except ValueError as error:
            raise InputError("it has comments or is not plain JSON") from error
        if not isinstance(values, dict):
            raise InputError("it holds no JSON object")
        merged = _merged(values, additions, "")
        if merged == values:
            return old
        return json.dumps(merged, indent=_indent(old), ensure_ascii=False) + "\n"

    return merge


def _merged(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> dict[str, Any]:
    result = dict(old)
    for name, value in new.items():
        there, where = old.get(name), f"{path}{name}"
        if isinstance(there, dict) and isinstance(value, Mapping):
            result[name] = _merged(there, value, f"{where}.")
        elif there in (None, value) or "dgls" in json.dumps(there):
            result[name] = value
        else:
            raise InputError(f"it sets {where} to {json.dumps(there)}")
    return result


def _indent(text: str) -> int | str:
    """The first indentation of a text, two spaces where there is none."""
    for line in split_lines(text):
        space = line[: len(line) - len(line.lstrip())]
        if space:
            return "\t" if space[0] == "\t" else len(space)
    return 2


def helix_languages(shipped: str) -> Merge:
    """The server and the languages of the shipped file that the user's file does not have.

    A language that the user has is left alone.
    """

    def merge(old: str) -> str:
        values = _toml(old)
        if "dgls" in values.get("language-server", {}):
            return old
        head, *entries = shipped.split("[[language]]\n")
        names = _languages(values)
        added = [f"[[language]]\n{each}" for each in entries if _name(each) not in names]
        new = (f"{old.rstrip()}\n\n" if old.strip() else "") + head + "".join(added)
        _toml(new)
        return new

    return merge


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"it is not TOML ({error})") from error


def _languages(values: Mapping[str, Any]) -> set[str]:
    return {str(language.get("name")) for language in values.get("language", [])}


def _name(entry: str) -> str:
    """The name in the lines of one language."""
    return str(tomllib.loads(entry)["name"])
