"""What somebody may have meant by a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like the given one, empty where none is like it."""
    return next(iter(difflib.get_close_matches(word, tuple(known), n=1)), "")
