"""The part of the text above a window that is kept: imports and enclosing headers.

This reads lines instead of the syntax tree. The prefix is cached as tokens, so it must not change
while the user types. A tree that is broken at the cursor sometimes loses what encloses it, but the
lines above stay the same. It also saves each request a parse, which takes 16 ms for 50,000 lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from dgls.syntax.language import Language
from dgls.text.indentation import columns, indentation
from dgls.text.lines import line_around, with_line_ends

# Imports are searched in this many characters at the head of a file, and headers in this many above
# the window.
_IMPORT_CHARS = 8_000
_HEADER_CHARS = 65_536
_HEADER_LINES = 20


def kept_head(text: str, start: int, budget: int, language: Language) -> str:
    """The imports above `start` and the headers around its line, as whole lines that end in \\n.

    At most `budget` characters. Headers come first, the innermost before the others, then imports
    in their order.
    """
    headers: list[str] = []
    for header in _headers_above(text, start, language):
        if len(header) <= budget:
            headers.insert(0, header)
            budget -= len(header)
    imports: list[str] = []
    for statement in _imports_above(text, start, language):
        # One character stays free for the blank line between imports and headers.
        if len(statement) < budget:
            imports.append(statement)
            budget -= len(statement)
    between = "\n" if imports and headers else ""
    return "".join([*imports, between, *headers])


def _imports_above(text: str, start: int, language: Language) -> Iterator[str]:
    end = min(start, _IMPORT_CHARS)
    for match in language.imports.finditer(text, 0, end):
        statement = with_line_ends(match.group().rstrip(), "\n")
        if match.end() < end and not _is_open(statement):
            yield statement + "\n"


def _headers_above(text: str, start: int, language: Language) -> Iterator[str]:
    """The headers around the line at `start`, the innermost first."""
    first = line_around(text, start)
    depth = _depth(first.of(text)) if first.of(text).strip() else None
    if depth == 0:
        return
    above = with_line_ends(text[max(0, first.start - _HEADER_CHARS) : first.start], "\n")
    for begin, line in _lines_up(above):
        if not line.strip() or line.lstrip().startswith(language.line_comment):
            continue
        if depth is None:
            # Blank lines at the window's start belong to the text above them.
            ended = language.closes(line)
            depth = _depth(line) + (0 if ended else 1)
        # A closing bracket ends a header or statement of the same depth, and a lone brace begins
        # its body.
        if _depth(line) >= depth or line.lstrip()[0] in ")]}" or line.strip() == "{":
            continue
        if language.header.match(line):
            yield _whole_header(above, begin)
        depth = _depth(line)
        if depth == 0:
            return


def _lines_up(text: str) -> Iterator[tuple[int, str]]:
    """The start of each line and the line with its \\n, from the last to the first."""
    end = len(text)
    while end > 0:
        begin = text.rfind("\n", 0, end - 1) + 1
        yield begin, text[begin:end]
        end = begin


def _whole_header(text: str, begin: int) -> str:
    """The line at `begin`, and the following ones while brackets are open."""
    end = begin
    for _ in range(_HEADER_LINES):
        end = text.find("\n", end) + 1 or len(text)
        if not _is_open(text[begin:end]):
            break
    return text[begin:end]


def _is_open(text: str) -> bool:
    """Whether brackets are open at the end, apart from a brace that begins a body there."""
    text = text.rstrip().removesuffix("{")
    return sum(map(text.count, "([{")) > sum(map(text.count, ")]}"))


def _depth(line: str) -> int:
    return columns(indentation(line))
