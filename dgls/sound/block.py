"""Ends an answer of several lines with the block of its gap."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.sound.site import Site
from dgls.sound.syntax import wrong
from dgls.syntax.language import Language, ScopeKind
from dgls.syntax.scopes import enclosing_scopes
from dgls.text.indentation import columns, indentation


def within_block(site: Site, text: str) -> str:
    """The text up to its first line outside the gap's block.

    In a function that is the first line indented no more than its header; on a header it is the
    first line after the definition; between definitions it is the first line of a second one.
    """
    lines = (site.line_head + text).split("\n")
    if len(lines) < 2:
        return text
    limit = _limit(site, lines)
    end = block_end(lines, limit, site.language, beside=not _in_function(site))
    if end == len(lines):
        return text
    kept, more = _cut(site, lines, end), _cut(site, lines, _after_closers(site, lines, end))
    # Outer blocks may still be open, so their closing lines are tried too.
    return more if more != kept and wrong(site, more) < wrong(site, kept) else kept


def _cut(site: Site, lines: Sequence[str], end: int) -> str:
    return "\n".join(lines[:end]).rstrip("\n")[len(site.line_head) :]


def _after_closers(site: Site, lines: Sequence[str], end: int) -> int:
    """The index of the first line from `end` on that does not close a block."""
    while end < len(lines) and (not lines[end].strip() or closes(lines[end], site.language)):
        end += 1
    return end


def block_end(
    lines: Sequence[str],
    limit: int,
    language: Language,
    *,
    beside: bool = True,
    closed: bool = True,
) -> int:
    """The index of the first line, from the second on, that is outside the block.

    That is a line indented by `limit` columns or less, or, with `beside`, one that begins another
    definition. With `closed`, the line that closes the block belongs to it.
    """
    begin = next((index for index, line in enumerate(lines) if line.strip()), 0)
    first = lines[begin] if lines else ""
    defined = _defines(first, language)
    for index in range(begin + 1, len(lines)):
        line = lines[index]
        if not line.strip():
            continue
        if _depth(line) <= limit:
            ends_header = line.lstrip().startswith(")") and language.block_opener.search(line)
            if ends_header or _begins_body(line, lines[index - 1], language):
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
    """The indentation in columns at which a line has left the gap's block; -1 if no line can."""
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
    """Whether a line begins a definition with a body; a declaration has no body."""
    is_declaration = "}" in language.closers and line.rstrip().endswith(";")
    return not is_declaration and language.header.match(line) is not None


def _begins_body(line: str, above: str, language: Language) -> bool:
    """Whether a line indented like its header belongs to it: a brace, or Rust's bounds."""
    if "}" not in language.closers or not above.strip() or above.rstrip().endswith(("}", ";")):
        return False
    return line.strip() == "{" or (language.id == "rust" and line.strip().startswith("where"))


def closes(line: str, language: Language) -> bool:
    """Whether a line begins with a closing bracket or keyword of a block."""
    return line.lstrip().startswith((")", "]", "}")) or language.closes(line)


def _depth(line: str) -> int:
    return columns(indentation(line))
