"""The code units in which an editor counts columns."""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum


class Encoding(StrEnum):
    """The code units of an editor's columns, by their names in LSP."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


def whole(text: str) -> str:
    """The text with each lone surrogate replaced, because it has no UTF-8 encoding.

    A file name whose bytes are not UTF-8 has lone surrogates.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def units(text: str, encoding: Encoding) -> int:
    """The number of code units that the text takes in `encoding`."""
    if encoding == Encoding.UTF32 or text.isascii():
        return len(text)
    if encoding == Encoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code_points(line: str, column: int, encoding: Encoding) -> int:
    """The number of whole characters of `line` that end at or before its code unit `column`."""
    if encoding == Encoding.UTF32 or line.isascii():
        return max(0, min(column, len(line)))
    # No character takes more than four units or less than one.
    least, most = max(0, min(column // 4, len(line))), max(0, min(column, len(line)))
    found = bisect_right(
        range(least + 1, most + 1), column, key=lambda count: units(line[:count], encoding)
    )
    return least + found
