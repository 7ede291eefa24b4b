"""Adds dgls to the text of a user's file, or refuses.

Each function gets the file's text ("" if there is no file) and returns it with dgls added,
unchanged if dgls is there already. Each raises `InputError` for a text that it does not understand,
and the file stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dgls.editors.json_text import with_keys
from dgls.errors import InputError

Merge = Callable[[str], str]

MARK = "Written by dgls editor"
_BEGIN, _END = "dgls: begin", "dgls: end"


def own_file(text: str) -> Merge:
    """A file that belongs to dgls only, recognized by the mark in its first line."""

    def merge(old: str) -> str:
        if old and MARK not in old.partition("\n")[0]:
            raise InputError("it exists and was not written by dgls")
        return text

    return merge


def block(text: str, comment: str, foreign: str) -> Merge:
    """Lines between two comments, at the end of a file.

    `foreign` matches the signs that the user has set dgls up by hand.
    """
    wrapped = f"{comment} {_BEGIN} ({MARK})\n{text}{comment} {_END}\n"

    def merge(old: str) -> str:
        before, begin, rest = old.partition(f"{comment} {_BEGIN}")
        _, end, after = rest.partition(f"{comment} {_END}\n")
        by_hand = re.search(foreign, before) or re.search(foreign, after)
        if by_hand:
            raise InputError(f"it already has {by_hand[0].strip()} outside dgls's own lines")
        if bool(begin) != bool(end):
            raise InputError(f"it has '{_BEGIN}' without '{_END}'")
        if begin:
            return before + wrapped + after
        space = "" if not old else "\n" if old.endswith("\n") else "\n\n"
        return old + space + wrapped

    return merge


def json_keys(additions: Mapping[str, Any]) -> Merge:
    """Keys of a JSON object. Other values set by the user are not replaced."""
    return lambda old: with_keys(old, additions)
