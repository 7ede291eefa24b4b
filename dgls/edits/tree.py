"""What the syntax tree tells about a name: whether it is declared here, and its scope."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.syntax.parameters import PARAMETERS
from dgls.syntax.source import Source
from dgls.text.spans import Span

_FUNCTIONS = ("function", "method", "lambda", "arrow", "closure", "func_literal")
_LEFT = {
    "assignment": "left",
    "let_declaration": "pattern",
    "variable_declarator": "name",
    "short_var_declaration": "left",
    "const_item": "name",
    "static_item": "name",
    "const_spec": "name",
    "var_spec": "name",
}
NAMES = frozenset(
    {"identifier", "shorthand_property_identifier_pattern", "shorthand_field_identifier"}
)
"""The kinds of nodes that may declare a variable."""

CALLS = frozenset({"call", "call_expression", "new_expression"})


def node_of(source: Source, span: Span) -> Node:
    """The smallest node that covers the span."""
    return source.node_at(span)


def above(node: Node | None) -> Iterator[Node]:
    """The ancestors of a node, innermost first."""
    while node is not None and (node := node.parent) is not None:
        yield node


def walk(node: Node) -> Iterator[Node]:
    """A node and its descendants, in text order."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.children))


def text_of(node: Node | None) -> str:
    """The text of a node."""
    return (node.text or b"").decode() if node is not None else ""


def is_function(node: Node) -> bool:
    """Whether a node ends the scope of parameters and local names."""
    return (
        node.is_named
        and any(part in node.type for part in _FUNCTIONS)
        and node.child_by_field_name("body") is not None
    )


def function_of(node: Node) -> Node | None:
    """The innermost function around a node."""
    return next(filter(is_function, above(node)), None)


def is_text(node: Node) -> bool:
    """Whether a node lies in a string or a comment."""
    return any("string" in each.type or "comment" in each.type for each in (node, *above(node)))


def begins_in_text(source: Source, offset: int) -> bool:
    """Whether a line's first character lies in a comment, or in a string that began above."""
    node = source.node_at(Span(offset, offset + 1))
    at = source.byte_offset(offset)
    return any(
        "comment" in each.type or ("string" in each.type and each.start_byte < at)
        for each in (node, *above(node))
    )


def reach(node: Node) -> Node | None:
    """The scope of a name declared at `node`; None if it declares nothing."""
    if node.type not in NAMES:
        return None
    around = list(above(node))
    root = around[-1] if around else node
    parent = around[0] if around else node
    if is_function(parent) and parent.child_by_field_name("name") == node:
        outer = around[1:]
        members = {"class_body", "declaration_list", "method_definition"}
        is_member = any(each.type in members or "class" in each.type for each in outer[:2])
        return None if is_member else next(filter(is_function, outer), root)
    for inner, each in zip([node, *around], around, strict=False):
        if inner.type in {"type", "type_annotation"}:
            return None
        if each.type in PARAMETERS and each.parent is not None:
            return each.parent
        field = _LEFT.get(each.type)
        if field and each.child_by_field_name(field) == inner:
            return next(filter(is_function, above(each)), root)
        if is_function(each) or "block" in each.type or each.type in CALLS | {"attribute"}:
            return None
    return None


def declares(node: Node, name: str) -> bool:
    """Whether a name is declared anywhere below a node."""
    return any(
        text_of(each) == name and reach(each) is not None
        for each in walk(node)
        if each.type in NAMES
    )


def binds(function: Node, name: str) -> bool:
    """Whether a function declares a name, or binds it in a loop, a `with` or an `except`."""
    return any(
        text_of(each) == name and is_bound(each)
        for each in walk(function)
        if each.type == "identifier"
    )


def is_bound(node: Node) -> bool:
    """Whether `node` declares a name, or binds it in a loop, a `with` or an `except`."""
    return reach(node) is not None or _is_target(node)


def bound_in(node: Node) -> Node | None:
    """The scope of a name that a `with`, `except`, loop or comprehension binds at `node`.

    None if none of them does.
    """
    if not _is_target(node):
        return None
    around = list(above(node))
    for each in around:
        if each.type == "except_clause":
            return each
        if each.type == "for_in_clause" and each.parent is not None:
            return each.parent
        if each.type in {"for_statement", "with_statement"}:
            break
    return next(filter(is_function, around), around[-1])


def _is_target(node: Node) -> bool:
    """Whether Python binds a name there other than by assignment."""
    inner = node
    for each in above(node):
        if each.type in {"for_statement", "for_in_clause"}:
            return each.child_by_field_name("left") == inner
        if each.type == "as_pattern_target":
            return True
        if each.type not in {"pattern_list", "tuple_pattern", "tuple"}:
            return False
        inner = each
    return False
