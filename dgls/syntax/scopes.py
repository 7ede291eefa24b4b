"""The functions and classes around a place."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from dgls.syntax.language import ScopeKind
from dgls.syntax.source import Source
from dgls.text.indentation import indentation
from dgls.text.lines import line_around
from dgls.text.spans import Span


@dataclass(frozen=True, slots=True)
class Scope:
    """A function or class. `header` ends before the body's first statement and white space.

    `span` covers header and body. An empty body is an empty span.
    """

    kind: ScopeKind
    name: str
    span: Span
    header: Span
    body: Span


def enclosing_scopes(source: Source, offset: int) -> tuple[Scope, ...]:
    """The scopes around `offset`, outermost first, by the syntax tree.

    On a blank line after a body the indentation decides: a place deeper than the scope's header
    still belongs to it, as a statement typed there would.
    """
    node: Node | None = source.node_at(_anchor(source.text, offset))
    found: list[Scope] = []
    while node is not None:
        kind = source.language.scopes.get(node.type)
        if kind is not None and _encloses(source, node, offset):
            found.append(scope_of(source, node, kind))
        node = node.parent
    return tuple(reversed(found))


def scope_of(source: Source, node: Node, kind: ScopeKind) -> Scope:
    """The scope of a node that has one of the language's scope kinds."""
    span = source.span(node)
    name, body = name_of(node), body_of(source, node)
    body_span = source.span(body) if body else Span(span.end, span.end)
    header_end = span.start + len(source.text[span.start : body_span.start].rstrip())
    return Scope(
        kind,
        source.span(name).of(source.text) if name else "",
        span,
        Span(span.start, header_end),
        Span(max(header_end, body_span.start), max(header_end, body_span.end)),
    )


def name_of(node: Node) -> Node | None:
    """The node that names a scope, if any. In C and C++ it is inside declarators."""
    found = node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    while found is None and inner is not None:
        deeper = inner.child_by_field_name("declarator")
        found, inner = (inner, None) if deeper is None else (None, deeper)
    return found or node.child_by_field_name("type")


def body_of(source: Source, node: Node) -> Node | None:
    """The body of a scope; None if it has none, or an empty one without brackets."""
    bodies = source.language.bodies
    inside = (child for child in node.named_children if child.type in bodies)
    return node.child_by_field_name("body") or next(inside, None)


def _anchor(text: str, offset: int) -> Span:
    """The last character before `offset` that is not white space."""
    end = len(text[:offset].rstrip())
    return Span(max(0, end - 1), end)


def _encloses(source: Source, node: Node, offset: int) -> bool:
    span, text = source.span(node), source.text
    if offset <= span.start:
        return False
    line = line_around(text, offset)
    if offset < span.end or line.start <= span.end:
        return True
    header = line_around(text, span.start)
    return offset - line.start > len(indentation(header.of(text)))
