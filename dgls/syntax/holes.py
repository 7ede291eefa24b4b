"""Places that wait to be filled: placeholders, TODO comments and bodies with nothing in them.

A language's `holes` query names them by its captures: `@pass`, `@ellipsis` and `@not_implemented`
are statements that stand for a body, `@todo` is a comment, `@block` is any block, and
`@docstring` the first statement of a scope that is nothing but documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tree_sitter import Node, QueryCursor

from dgls.syntax.language import ScopeKind
from dgls.syntax.scopes import scope_of
from dgls.syntax.source import Source
from dgls.text import Edit, Span, indentation, line_around, line_end_of


class HoleKind(StrEnum):
    """What waits to be filled."""

    PASS = "pass"
    ELLIPSIS = "ellipsis"
    NOT_IMPLEMENTED = "not_implemented"
    TODO = "todo"
    EMPTY_BODY = "empty_body"


@dataclass(frozen=True, slots=True)
class Hole:
    """One such place. A fill replaces `span` by `lead` and its text.

    `lead` is the line end and indentation that are missing there. `where` is what the user sees
    as the hole: the placeholder, the comment, or the header with nothing under it. A fill may
    have several lines where `multiline` says so, otherwise it must stay on its line.
    """

    kind: HoleKind
    title: str
    span: Span
    where: Span
    multiline: bool
    lead: str = ""

    def edit(self, fill: str) -> Edit:
        """The edit that fills the hole."""
        return Edit(self.span, self.lead + fill)


_PLACEHOLDERS = {
    HoleKind.PASS: "pass",
    HoleKind.ELLIPSIS: "...",
    HoleKind.NOT_IMPLEMENTED: "raise NotImplementedError",
}
# How many characters around a place are searched for the hole that the place lies in.
_REACH = 4_000
_TITLE_CHARS = 50
_FIRST_INDENTATION = re.compile(r"^(?:\t|  +)(?=\S)", re.MULTILINE)


def holes(source: Source, span: Span | None = None) -> tuple[Hole, ...]:
    """The holes of a source in order, or those that touch the lines of `span`."""
    found = _captures(source, span)
    places = [*_placeholders(source, found), *_empty_bodies(source, found)]
    places += _todos(source, found, places)
    if span is not None:
        start = line_around(source.text, span.start).start
        end = line_around(source.text, span.end).end
        places = [each for each in places if each.where.start <= end and each.where.end >= start]
    return tuple(sorted(places, key=lambda hole: (hole.span, hole.where)))


def opened(source: Source, hole: Hole) -> tuple[Source, Span]:
    """The source with the hole laid open for a fill, and the empty gap in it."""
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
    for kind, label in _PLACEHOLDERS.items():
        for node in found.get(kind.value, ()):
            span = source.span(node)
            line = line_around(source.text, span.start)
            alone = not source.text[line.start : span.start].strip()
            title = _whole_body_title(source, node, documentation) or f"Replace `{label}`"
            yield Hole(kind, title, span, span, alone)


def _whole_body_title(source: Source, node: Node, documentation: set[int]) -> str | None:
    """The title for a placeholder that is all there is of a scope's body, else None."""
    block = node.parent
    if block is None or block.parent is None or block.type not in source.language.blocks:
        return None
    others = [each for each in _statements(source, block) if each.id not in documentation]
    return _scope_title(source, block.parent) if len(others) == 1 else None


def _empty_bodies(source: Source, found: dict[str, list[Node]]) -> Iterator[Hole]:
    for block in found.get("block", ()):
        if block.parent is not None and not _statements(source, block):
            yield _empty_body(source, block.parent, block, indent=None)
    for docstring in found.get("docstring", ()):
        body = docstring.parent
        if body is None or body.parent is None or len(_statements(source, body)) > 1:
            continue
        line = line_around(source.text, source.offset(docstring.start_byte))
        indent = indentation(line.of(source.text))
        own_line = source.offset(docstring.start_byte) == line.start + len(indent)
        # A class may well be nothing but its documentation.
        is_function = source.language.scopes.get(body.parent.type) is ScopeKind.FUNCTION
        if own_line and is_function:
            yield _empty_body(source, body.parent, docstring, indent)


def _empty_body(source: Source, parent: Node, last: Node, indent: str | None) -> Hole:
    """The hole behind `last`, the end of the header or a docstring, and the comments below it."""
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

    A blank line that is indented for it is used, otherwise a new line is begun. Without `indent`
    any indentation deeper than `outer` will do.
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
    inner = outer + _indent_unit(text) if indent is None else indent
    line_end = line_end_of(text[max(0, end - _REACH) : end + _REACH])
    return Span(end, above.end), line_end + inner


def _todos(source: Source, found: dict[str, list[Node]], others: list[Hole]) -> Iterator[Hole]:
    """A hole below each comment that no other hole stands below."""
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
    """The hole below a comment and those that continue it, and where the next statement begins."""
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
                indent = indentation(line)
            break
    span, lead = _place_below(source, at, indent, indent)
    title = where.of(text).lstrip(source.language.line_comment).strip()
    title = title if len(title) <= _TITLE_CHARS else title[: _TITLE_CHARS - 1].rstrip() + "…"
    return Hole(HoleKind.TODO, f"Fill in: {title}", span, where, True, lead), following


def _statements(source: Source, block: Node) -> list[Node]:
    return [each for each in block.named_children if each.type not in source.language.comments]


def _scope_title(source: Source, node: Node) -> str | None:
    """The title for filling the body of a named scope, None for any other node."""
    kind = source.language.scopes.get(node.type)
    return f"Fill the body of `{scope_of(source, node, kind).name}`" if kind else None


def _among_statements(source: Source, comment: Node) -> bool:
    """Whether a statement could stand beside the comment: not inside of brackets."""
    parent, blocks = comment.parent, source.language.blocks
    if parent is None or parent.parent is None or parent.is_error or parent.type in blocks:
        return True
    return any(child.type in blocks for child in parent.children)


def _is_deeper_comment(source: Source, line: str, outer: str) -> bool:
    return _is_comment(source, line) and len(indentation(line)) > len(outer)


def _is_comment(source: Source, line: str, indent: str | None = None) -> bool:
    starts = line.lstrip().startswith(source.language.line_comment)
    return starts and (indent is None or indentation(line) == indent)


def _indent_unit(text: str) -> str:
    """One level of indentation: that of the first indented line, else four spaces."""
    found = _FIRST_INDENTATION.search(text)
    return found.group() if found and len(found.group()) <= 8 else "    "
