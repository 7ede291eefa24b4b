"""What somebody may have meant by a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like the given one, empty where none is like it."""
    # Few words are misspelt, and who starts a server or asks for help should not wait for it.
    import difflib

    return next(iter(difflib.get_close_matches(word, tuple(known), n=1)), "")


def did_you_mean(near: str) -> str:
    """The end of a message that offers a word; empty without one."""
    return f" Did you mean '{near}'?" if near else ""
