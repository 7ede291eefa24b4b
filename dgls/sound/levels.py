"""Checks each line's level against a block, which Python's grammar alone does not demand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dgls.sound.site import Site
from dgls.sound.texts import is_in_string
from dgls.syntax.brackets import OPENERS, brackets
from dgls.text.indentation import columns, indentation

_QUOTES = re.compile(r"\"{3}|'{3}|`|<<|\[\[|\bR\"|r#*\"|@\"")
"""What may begin a string of several lines."""


def keeps_levels(site: Site, text: str) -> bool:
    """Whether each later line of a text is below a header or as deep as an enclosing block."""
    lines = (site.line_head + text).split("\n")
    if not site.language.blocks or len(lines) == 1:
        return True
    continued = _continued(site, text)
    levels, above = set(_levels_above(site)), ""
    for number, line in enumerate(lines):
        is_comment = line.lstrip().startswith(site.language.line_comment)
        if not line.strip() or is_comment or number in continued:
            above = line if line.strip() and not is_comment else above
            continue
        depth = columns(indentation(line))
        if above and not site.opens_block(above) and depth not in levels:
            return False
        levels = {each for each in levels if each < depth} | {depth}
        above = line
    return True


def lines_in_strings(site: Site, text: str) -> dict[int, str]:
    """The lines of a text that begin inside a string, by number; the gap's own line is 0.

    Docstrings do not count, because they are indented like code.
    """
    if not site.language.has_grammar or not _QUOTES.search(text):
        return {}
    after = site.filled(text)
    return {
        number: line
        for number, (at, line) in enumerate(_lines(site, text))
        if number and is_in_string(after, at)
    }


def _continued(site: Site, text: str) -> set[int]:
    """The numbers of lines that begin in a string or brackets, or continue the line above."""
    found = set(lines_in_strings(site, text))
    signs = [*brackets(site.filled(text), site.filled_span(text))]
    above, begun = "", len(site.open_brackets)
    for number, (start, line) in enumerate(_lines(site, text)):
        steps = (1 if each.char in OPENERS else -1 for each in signs if each.at < start)
        depth = begun + sum(steps)
        if number and (depth > 0 or above.endswith("\\")):
            found.add(number)
        above = line
    return found


def _lines(site: Site, text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text, each with its offset in the filled document."""
    at = site.filled_span(text).start
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _levels_above(site: Site) -> list[int]:
    """The depths of the blocks around the gap, the innermost first."""
    found: list[int] = []
    for line in reversed(site.prefix.split("\n")[:-1]):
        depth = columns(indentation(line))
        if line.strip() and (not found or depth < found[-1]):
            found.append(depth)
        if found and not found[-1]:
            break
    return found
