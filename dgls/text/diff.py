"""The difference between two texts, for people to read."""

from __future__ import annotations

import difflib

_NO_END = "\\ No newline at end of file\n"


def unified(name: str, before: str, after: str) -> str:
    """A unified diff that `patch` and `git apply` read; "" if the texts are equal."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_END}" for line in lines)


def _lines(text: str) -> list[str]:
    """The lines with their ends; a \\r alone does not end a line of a diff."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
