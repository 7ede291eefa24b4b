"""Ends an answer in a comment or in documentation before what that says already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from dgls.sound.alike import alike
from dgls.sound.site import Site
from dgls.sound.words import first_line

_MARKS = " \t/*#-;!\"'"
_WORD = re.compile(r"\w+")
_FEWEST = 4
"""A line with fewer words may well come twice."""


def without_what_the_prose_says(site: Site, text: str) -> str:
    """The text up to its first line that the comment or the string around the gap has already."""
    said = {key for line in _lines_around(site) if (key := _key(line))}
    if site.line_head.strip() and _is_comment(site) and _key(first_line(text)) in _next_key(site):
        # A comment does not go on with the code that it is about.
        return ""
    if not said:
        return text
    lines = (site.line_head + text + site.line_tail).split("\n")
    count = next((i for i, line in enumerate(lines) if _key(line) in said), len(lines))
    if count == len(lines):
        return text
    return "\n".join(lines[:count])[len(site.line_head) :] if count else ""


def _key(line: str) -> str:
    """What a line says, without the marks of a comment; "" if that is little."""
    words = line.strip(_MARKS)
    return alike(words) if len(_WORD.findall(words)) >= _FEWEST else ""


def _next_key(site: Site) -> set[str]:
    """What the next line says; empty if that is little."""
    return {key for line in site.suffix.split("\n")[1:2] if (key := _key(line))}


def _is_comment(site: Site) -> bool:
    return site.text_before is not None and "comment" in site.text_before.type


def _lines_around(site: Site) -> Iterator[str]:
    """The other lines of the comment or the string that the gap is in."""
    around = site.text_before
    if around is None:
        return
    above, below = site.prefix.split("\n")[:-1], site.suffix.split("\n")[1:]
    first, last = around.start_point.row, around.end_point.row
    row = len(above)
    if first < last:
        yield from above[first:]
        yield from below[: max(0, last - row)]
    elif "comment" in around.type:
        yield from _comments(site, reversed(above))
        yield from _comments(site, below)


def _comments(site: Site, lines: Iterable[str]) -> Iterator[str]:
    mark = site.language.line_comment
    return takewhile(lambda line: line.lstrip().startswith(mark), lines)
