"""Where an answer of several lines ends: with the block that its gap is in."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.sound.site import Site
from dgls.syntax.language import Language, ScopeKind
from dgls.syntax.scopes import enclosing_scopes
from dgls.text.indentation import columns, indentation


def within_block(site: Site, text: str) -> str:
    """The text up to its first line that belongs to no block of the gap.

    In a function that is the first line as little indented as its header; on a header it is the
    first line that does not belong to the definition; between definitions it is the second one.
    """
    lines = (site.line_head + text).split("\n")
    if len(lines) < 2:
        return text
    limit = _limit(site, lines)
    end = block_end(lines, limit, site.language, beside=not _in_function(site))
    return "\n".join(lines[:end]).rstrip("\n")[len(site.line_head) :] if end < len(lines) else text


def block_end(
    lines: Sequence[str],
    limit: int,
    language: Language,
    *,
    beside: bool = True,
    closed: bool = True,
) -> int:
    """The index of the first line, from the second on, that is outside of the block.

    That is a line indented by `limit` columns or less, or one that begins another definition
    `beside` the first. The line that closes the block belongs to it where it may be `closed`.
    """
    begin = next((index for index, line in enumerate(lines) if line.strip()), 0)
    first = lines[begin] if lines else ""
    defined = _defines(first, language)
    for index in range(begin + 1, len(lines)):
        line = lines[index]
        if not line.strip():
            continue
        if _depth(line) <= limit:
            if line.lstrip().startswith(")") and language.block_opener.search(line):
                # The parameters end here, and the body begins.
                continue
            return index + 1 if closed and closes(line, language) else index
        if beside and _depth(line) == _depth(first) and _defines(line, language):
            if defined or (_depth(line) == 0 and not lines[index - 1].strip()):
                return index
            defined = True
    return len(lines)


def _in_function(site: Site) -> bool:
    if not site.language.has_grammar:
        return False
    scopes = enclosing_scopes(site.source, site.span.start)
    return bool(scopes) and scopes[-1].kind is ScopeKind.FUNCTION


def _limit(site: Site, lines: Sequence[str]) -> int:
    """How little a line may be indented without belonging to what is around the gap; -1 for any."""
    first = next((line for line in lines if line.strip()), "")
    if site.line_head.strip() and _defines(lines[0], site.language):
        return _depth(lines[0])
    depth = _depth(first) if not site.line_head.strip() else _depth(site.line_head)
    for line in reversed(site.prefix.split("\n")[:-1]):
        if not line.strip() or _depth(line) >= depth:
            continue
        if closes(line, site.language):
            continue
        depth = _depth(line)
        if _defines(line, site.language):
            return depth
        if depth == 0:
            break
    return -1


def _defines(line: str, language: Language) -> bool:
    return language.header.match(line) is not None


def closes(line: str, language: Language) -> bool:
    """Whether a line begins with what ends a block."""
    return line.lstrip().startswith((")", "]", "}")) or language.closes(line)


def _depth(line: str) -> int:
    return columns(indentation(line))
