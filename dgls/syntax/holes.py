"""Finds holes: placeholders, TODO comments and empty bodies.

A language's `holes` query names them by its captures: `@pass`, `@ellipsis` and `@not_implemented`
are statements in place of a body, and `@todo` is a comment. Where indentation ends a body, `@block`
is any block, and `@docstring` is the first statement of a scope that has only documentation. Where
a token ends it, `@body` and `@scope` are those of `closed_bodies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node, QueryCursor

from dgls.syntax.brackets import open_brackets
from dgls.syntax.closed_bodies import empty_closed_bodies
from dgls.syntax.hole import Hole, HoleKind
from dgls.syntax.language import ScopeKind
from dgls.syntax.scopes import body_of, scope_of
from dgls.syntax.source import Source
from dgls.text.indentation import USUAL_UNIT, indentation, unit_of
from dgls.text.lines import line_around, line_end_of
from dgls.text.spans import Span

__all__ = ["Hole", "HoleKind", "hole_of_line", "holes", "opened"]

_PLACEHOLDERS = (HoleKind.PASS, HoleKind.ELLIPSIS, HoleKind.NOT_IMPLEMENTED)
# A hole is searched within this many characters of a place.
_REACH = 4_000
_TITLE_CHARS = 50
_COMMENT_MARKS = "/*#-! \t"
_ARGUMENTS = re.compile(r"\(.*", re.DOTALL)
_CLOSING = re.compile(r"[\s)\]},;]*")


def holes(source: Source, span: Span | None = None) -> tuple[Hole, ...]:
    """The holes of a source in order, or those that touch the lines of `span`."""
    found = _captures(source, span)
    places = [*_placeholders(source, found), *_empty_bodies(source, found)]
    places += empty_closed_bodies(source, found.get("body", ()), found.get("scope", ()))
    places += _todos(source, found, places)
    if span is not None:
        start = line_around(source.text, span.start).start
        end = line_around(source.text, span.end).end
        places = [each for each in places if each.where.start <= end and each.where.end >= start]
    return tuple(sorted(places, key=lambda hole: (hole.span, hole.where)))


def hole_of_line(source: Source, line: Span) -> Hole | None:
    """The innermost hole in which a line ends; None if it ends in none.

    Only closing brackets and a comment may follow the hole on the line. An empty body also matches
    on the lines of its header, its documentation and its comments.
    """
    found = [hole for hole in holes(source, line) if _ends_in(source, line, hole)]
    return min(found, key=lambda hole: len(hole.where), default=None)


def _ends_in(source: Source, line: Span, hole: Hole) -> bool:
    if hole.where.start > line.end:
        return False
    if hole.where.end <= line.end:
        rest = _CLOSING.sub("", Span(hole.where.end, line.end).of(source.text), count=1)
        is_last = not rest or rest.startswith(source.language.line_comment)
        return is_last and (hole.kind is not HoleKind.EMPTY_BODY or hole.span.start >= line.start)
    if hole.span.start <= line.end:
        return True
    # On a header's line inside brackets, a parameter is wanted instead.
    within, before = Span(hole.where.start, line.end), Span(hole.where.start, hole.span.start)
    return open_brackets(source, within) == open_brackets(source, before)


def opened(source: Source, hole: Hole) -> tuple[Source, Span]:
    """The source with the hole opened for a fill, and the empty gap in it."""
    at = hole.span.start + len(hole.lead)
    return source.edited([hole.edit("")]), Span(at, at)


def _captures(source: Source, span: Span | None) -> dict[str, list[Node]]:
    cursor = QueryCursor(source.language.holes_query)
    if span is not None:
        start = source.byte_offset(max(0, span.start - _REACH))
        end = source.byte_offset(min(len(source.text), span.end + _REACH))
        cursor.set_byte_range(start, end + 1)
    return cursor.captures(source.tree.root_node)


def _placeholders(source: Source, found: dict[str, list[Node]]) -> Iterator[Hole]:
    documentation = {node.id for node in found.get("docstring", ())}
    for kind in _PLACEHOLDERS:
        for node in found.get(kind.value, ()):
            span = source.span(node)
            line = line_around(source.text, span.start)
            alone = not source.text[line.start : span.start].strip()
            label = _ARGUMENTS.sub("", span.of(source.text)).strip()
            title = _whole_body_title(source, node, documentation) or f"Replace `{label}`"
            yield Hole(kind, title, span, span, alone)


def _whole_body_title(source: Source, node: Node, documentation: set[int]) -> str | None:
    """The title for a placeholder that is a scope's whole body, else None."""
    inside, around = node, node.parent
    while around is not None and around.type not in source.language.scopes:
        others = [each for each in _statements(source, around) if each.id not in documentation]
        if len(others) != 1:
            return None
        inside, around = around, around.parent
    is_body = around is not None and body_of(source, around) == inside
    return _scope_title(source, around) if around is not None and is_body else None


def _empty_bodies(source: Source, found: dict[str, list[Node]]) -> Iterator[Hole]:
    for block in found.get("block", ()):
        parent = block.parent
        if parent is not None and not _statements(source, block) and not _is_unfinished(parent):
            yield _empty_body(source, parent, block, indent=None)
    for docstring in found.get("docstring", ()):
        body = docstring.parent
        if body is None or body.parent is None or len(_statements(source, body)) > 1:
            continue
        line = line_around(source.text, source.offset(docstring.start_byte))
        indent = indentation(line.of(source.text))
        own_line = source.offset(docstring.start_byte) == line.start + len(indent)
        # A class may have only documentation.
        is_function = source.language.scopes.get(body.parent.type) is ScopeKind.FUNCTION
        if own_line and is_function:
            yield _empty_body(source, body.parent, docstring, indent)


def _is_unfinished(parent: Node) -> bool:
    """Whether a body that the parser sees as empty has an unfinished statement."""
    header = parent.start_point.row
    return any(child.is_error and child.start_point.row > header for child in parent.children)


def _empty_body(source: Source, parent: Node, last: Node, indent: str | None) -> Hole:
    """The hole after `last`, the end of the header or a docstring, and the comments below it."""
    header = source.span(parent)
    outer = indentation(line_around(source.text, header.start).of(source.text))
    lines = source.lines
    at = lines.position(source.offset(last.end_byte)).line
    for number in range(at + 1, len(lines.starts)):
        line = lines.span(number).of(source.text)
        if line.strip() and not _is_deeper_comment(source, line, outer):
            break
        if line.strip():
            at, indent = number, indentation(line)
    span, lead = _place_below(source, at, outer, indent)
    title = _scope_title(source, parent) or "Fill the empty block"
    return Hole(HoleKind.EMPTY_BODY, title, span, Span(header.start, span.end), True, lead)


def _place_below(source: Source, line: int, outer: str, indent: str | None) -> tuple[Span, str]:
    """Where a statement goes below a line, and its lead.

    A blank line with fitting indentation is used; otherwise a new line is begun. Without `indent`,
    any indentation deeper than `outer` fits.
    """
    lines, text = source.lines, source.text
    if line + 1 < len(lines.starts):
        following = lines.span(line + 1)
        blank = following.of(text)
        fits = blank == indent if indent is not None else len(blank) > len(outer)
        if blank and not blank.strip() and fits:
            return following, blank
    above = lines.span(line)
    end = above.start + len(above.of(text).rstrip())
    inner = outer + (unit_of(text) or USUAL_UNIT) if indent is None else indent
    line_end = line_end_of(text[max(0, end - _REACH) : end + _REACH])
    return Span(end, above.end), line_end + inner


def _todos(source: Source, found: dict[str, list[Node]], others: list[Hole]) -> Iterator[Hole]:
    """A hole below each comment that has no other hole below it."""
    taken = {hole.span.start for hole in others}
    inside = [hole.where for hole in others if hole.kind is HoleKind.EMPTY_BODY]
    for node in found.get("todo", ()):
        where = source.span(node)
        if not _among_statements(source, node):
            continue
        if any(other.start <= where.start and where.end <= other.end for other in inside):
            continue
        hole, following = _below_comment(source, where)
        if following not in taken and hole.span.start not in taken:
            taken.add(hole.span.start)
            yield hole


def _below_comment(source: Source, where: Span) -> tuple[Hole, int]:
    """The hole below a comment and its continuation, and where the next statement begins."""
    lines, text = source.lines, source.text
    at = lines.position(where.start).line
    first = lines.span(at).of(text)
    indent = indentation(first)
    own_line = lines.span(at).start + len(indent) == where.start
    following = len(text)
    for number in range(at + 1, len(lines.starts)):
        line = lines.span(number).of(text)
        if own_line and number == at + 1 and _is_comment(source, line, indent):
            at = number
        elif line.strip():
            following = lines.starts[number] + len(indentation(line))
            if not own_line and indentation(line).startswith(indent):
                closes = source.language.closes(line)
                indent = indentation(line) + ((unit_of(text) or USUAL_UNIT) if closes else "")
            break
    span, lead = _place_below(source, at, indent, indent)
    title = where.of(text).strip(_COMMENT_MARKS)
    title = title if len(title) <= _TITLE_CHARS else title[: _TITLE_CHARS - 1].rstrip() + "…"
    return Hole(HoleKind.TODO, f"Fill in: {title}", span, where, True, lead), following


def _statements(source: Source, block: Node) -> list[Node]:
    return [each for each in block.named_children if each.type not in source.language.comments]


def _scope_title(source: Source, node: Node) -> str | None:
    """The title for filling the body of a named scope; None for any other node."""
    kind = source.language.scopes.get(node.type)
    return f"Fill the body of `{scope_of(source, node, kind).name}`" if kind else None


def _among_statements(source: Source, comment: Node) -> bool:
    """Whether a statement could be beside the comment, which is not inside brackets."""
    parent, bodies = comment.parent, source.language.bodies
    if parent is None or parent.parent is None or parent.is_error or parent.type in bodies:
        return True
    return any(child.type in bodies for child in parent.children)


def _is_deeper_comment(source: Source, line: str, outer: str) -> bool:
    return _is_comment(source, line) and len(indentation(line)) > len(outer)


def _is_comment(source: Source, line: str, indent: str | None = None) -> bool:
    starts = line.lstrip().startswith(source.language.line_comment)
    return starts and (indent is None or indentation(line) == indent)
