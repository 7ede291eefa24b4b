"""Bodies with nothing in them, in languages where a token such as `}` or `end` ends a body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from dgls.syntax.hole import Hole, HoleKind
from dgls.syntax.scopes import name_of
from dgls.syntax.source import Source
from dgls.text import Span, indent_unit, indentation, line_around, line_end_of

# The line ends within this many characters of a body are those that a fill gets.
_NEAR = 4_000


def empty_closed_bodies(source: Source, nodes: Iterable[Node]) -> Iterator[Hole]:
    """The holes of those nodes that hold nothing but comments.

    A node is a body with its brackets (`@body` in a holes query), or where there are no opening
    brackets the scope itself (`@scope`), whose field `body` is then missing.
    """
    for node in nodes:
        closer = node.children[-1] if node.children else None
        if closer is None or closer.is_missing or closer.type not in source.language.closers:
            continue
        is_scope = node.type in source.language.scopes or bool(
            node.child_by_field_name("parameters")
        )
        if not _is_empty(source, node, is_scope) or closer.prev_sibling is None:
            continue
        yield _hole(source, node, closer.prev_sibling, closer)


def _is_empty(source: Source, node: Node, is_scope: bool) -> bool:
    if is_scope:
        return node.child_by_field_name("body") is None
    return all(child.type in source.language.comments for child in node.named_children)


def _hole(source: Source, node: Node, last: Node, closer: Node) -> Hole:
    """The hole between `last`, after which a statement goes, and what closes the body."""
    text = source.text
    span = Span(source.span(last).end, source.span(closer).start)
    own_line = line_around(text, span.end)
    begun = line_around(text, source.span(node).start)
    alone = not text[own_line.start : span.end].strip()
    outer = indentation((own_line if alone else begun).of(text))
    line_end = line_end_of(text[max(0, span.start - _NEAR) : span.start + _NEAR])
    scope = _scope_of_body(source, node)
    named = name_of(scope) if scope is not None else None
    title = f"Fill the body of `{source.span(named).of(text)}`" if named else "Fill the empty block"
    where = Span(source.span(scope or node).start, source.span(closer).end)
    lead = line_end + outer + indent_unit(text)
    return Hole(HoleKind.EMPTY_BODY, title, span, where, True, lead, line_end + outer)


def _scope_of_body(source: Source, node: Node) -> Node | None:
    """The scope that has this body, or that this is; None for a body of something else."""
    scopes = source.language.scopes
    candidates = (node, node.parent, node.parent.parent if node.parent else None)
    return next((each for each in candidates if each is not None and each.type in scopes), None)
