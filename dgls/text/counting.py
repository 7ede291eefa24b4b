"""Numbers in words: counts with nouns, and progress."""

from __future__ import annotations

from collections.abc import Callable


def counted(number: int, one: str, many: str) -> str:
    """The number with its noun: `1 pass`, `2 passes`."""
    return f"{number} {one if number == 1 else many}"


def in_tens(say: Callable[[str], object]) -> Callable[[float, str], None]:
    """A callback for progress that reports a percentage (0 to 100) and its task in steps of ten."""
    last = ""

    def at(percent: float, what: str) -> None:
        nonlocal last
        line = f"{what} ({percent // 10 * 10:.0f} %)"
        if what and line != last:
            say(line)
        last = line

    return at
