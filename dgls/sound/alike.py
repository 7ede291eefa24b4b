"""Which answers count as the same."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPACE = re.compile(r"\s+")
_IDLE_SPACE = re.compile(r"(?<!\w) | (?!\w)")


def alike(text: str) -> str:
    """A key that is equal for answers that differ only in white space."""
    return _IDLE_SPACE.sub("", _SPACE.sub(" ", text).strip())


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each distinct answer in order; of those that differ only in white space, the first."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(alike(text), text)
    return tuple(found.values())
