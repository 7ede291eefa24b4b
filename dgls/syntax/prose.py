"""What tells Markdown from code."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1`*~*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"(?:\A|\n[ \t]*\n)#{1,6} \S.*\n[ \t]*(?=\n|\Z)")
_LINK = re.compile(r"\]\((?:https?:|[\w./#-])[^)\s]*\)")
_WORDS = re.compile(
    r"^(?:(?:[-*+]|\d+\.) +)?[\w*`][\w'`*\u2019-]*(?:[,;:]? [\w'`*()\u2019./-]+){3,}[.:,?!]?$"
)
_LEAST = 2
"""So many signs of prose at least: a comment alone may look like a heading."""


def without_fences(text: str) -> tuple[str, int]:
    """The text outside of its fences, between which is some language's code, and their count."""
    return _FENCE.subn("", text)


def prose_signs(outside: str, fences: int) -> int:
    """How many signs of Markdown a text has outside of its fences: its marks and lines of words.

    None without a mark, or where they are too few.
    """
    marks = fences + len(_HEADING.findall(outside)) + len(_LINK.findall(outside))
    signs = marks + sum(_WORDS.match(line) is not None for line in outside.split("\n"))
    return signs if marks and signs >= _LEAST else 0
