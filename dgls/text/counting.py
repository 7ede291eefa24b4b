"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, one: str, many: str) -> str:
    """The number with its noun: `1 pass`, `2 passes`."""
    return f"{number} {one if number == 1 else many}"
