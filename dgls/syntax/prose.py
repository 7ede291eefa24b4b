"""Tells Markdown from code."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1`*~*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"(?:\A|\n[ \t]*\n)#{1,6} \S.*\n[ \t]*(?=\n|\Z)")
_LINK = re.compile(r"\]\((?:https?:|[\w./#-])[^)\s]*\)")
_WORDS = re.compile(
    r"^(?:(?:[-*+]|\d+\.) +)?[\w*`][\w'`*\u2019-]*(?:[,;:]? [\w'`*()\u2019./-]+){3,}[.:,?!]?$"
)
_LEAST = 2
"""The fewest signs of prose; fewer do not count, because a comment may look like a heading."""


def without_fences(text: str) -> tuple[str, int]:
    """The text outside fences, which hold another language's code, and the number of fences."""
    return _FENCE.subn("", text)


def prose_signs(outside: str, fences: int) -> int:
    """The number of signs of Markdown in the text outside fences: marks and lines of words.

    0 if there is no mark, or too few signs.
    """
    marks = fences + len(_HEADING.findall(outside)) + len(_LINK.findall(outside))
    signs = marks + sum(_WORDS.match(line) is not None for line in outside.split("\n"))
    return signs if marks and signs >= _LEAST else 0
