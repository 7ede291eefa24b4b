"""Which answers are the same one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPACE = re.compile(r"\s+")
_IDLE_SPACE = re.compile(r"(?<!\w) | (?!\w)")


def alike(text: str) -> str:
    """What answers that differ only in white space have in common."""
    return _IDLE_SPACE.sub("", _SPACE.sub(" ", text).strip())


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each answer once, the first of those that differ only in white space, in their order."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(alike(text), text)
    return tuple(found.values())
