"""Suggestions for a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The known word most similar to the given one; "" if none is similar."""
    # Misspellings are rare, and starting a server or printing help should not wait for difflib.
    import difflib

    return next(iter(difflib.get_close_matches(word, tuple(known), n=1)), "")


def did_you_mean(near: str) -> str:
    """The end of an error message that suggests a word; "" without one."""
    return f" Did you mean '{near}'?" if near else ""
