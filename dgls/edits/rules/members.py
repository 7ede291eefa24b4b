"""An attribute or a method that was renamed in its class: its uses there by the object itself."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.edits.rules.names import renames
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, is_function, text_of

_PARTS = {
    "attribute": ("object", "attribute"),
    "member_expression": ("object", "property"),
    "field_expression": ("value", "field"),
}
"""The fields of an object and of its member, in Python, in JavaScript and TypeScript, in Rust."""
_CLASSES = frozenset({"class_definition", "class_declaration", "class", "impl_item"})
_ITSELF = frozenset({"self", "cls", "this"})
_ASSIGNMENTS = {"assignment": "left", "assignment_expression": "left"}
_FIELDS = frozenset({"field_definition", "public_field_definition"})


def renamed_member(state: State) -> Iterator[Offer]:
    """The uses that still have the old name, in the class alone.

    Nothing where the class declares the old name elsewhere too, or uses the new one already.
    """
    for old, new, node in renames(state):
        owner = _owner(node)
        if owner is None or not _is_declaration(node):
            continue
        old_ones, new_ones = list(_members(owner, old)), list(_members(owner, new))
        before = [each for each in old_ones if _is_declaration(each)]
        first = [each for each in before if each.start_byte < node.start_byte or _is_named(each)]
        others = (*first, *(each for each in new_ones if each != node))
        if any(not state.was_edited(state.source.span(each)) for each in others):
            continue
        for use in old_ones:
            why = f"`{old}` was renamed `{new}`"
            yield Offer(state.source.span(use), new, "member", why)


def _owner(node: Node) -> Node | None:
    return next((each for each in above(node) if each.type in _CLASSES), None)


def _members(owner: Node, name: str) -> Iterator[Node]:
    """Where a class names its member, classes within it left out."""
    waiting = [owner]
    while waiting:
        node = waiting.pop()
        if node is not owner and node.type in _CLASSES:
            continue
        if (
            node.child_count == 0
            and text_of(node) == name
            and (_of_itself(node) or _is_named(node))
        ):
            yield node
        waiting.extend(reversed(node.children))


def _of_itself(node: Node) -> bool:
    """Whether a name is that of an attribute of `self`, `cls` or `this`."""
    parent = node.parent
    fields = _PARTS.get(parent.type) if parent is not None else None
    if parent is None or fields is None or parent.child_by_field_name(fields[1]) != node:
        return False
    return text_of(parent.child_by_field_name(fields[0])) in _ITSELF


def _is_declaration(node: Node) -> bool:
    """Whether a class's member is declared at a name, or given its value."""
    parent = node.parent
    if parent is None or not _of_itself(node):
        return _is_named(node)
    holder = parent.parent
    field = _ASSIGNMENTS.get(holder.type) if holder is not None else None
    return holder is not None and field is not None and holder.child_by_field_name(field) == parent


def _is_named(node: Node) -> bool:
    """Whether a name is that of a method, a field or a variable of the class itself."""
    around = list(above(node))[:6]
    if not around:
        return False
    parent, outer = around[0], [each.type for each in around[1:]]
    if is_function(parent) and parent.child_by_field_name("name") == node:
        return _is_in_class(outer)
    if parent.type in _FIELDS:
        return node in (parent.child_by_field_name("name"), parent.child_by_field_name("property"))
    is_left = parent.type == "assignment" and parent.child_by_field_name("left") == node
    return is_left and _is_in_class([kind for kind in outer if kind != "expression_statement"])


def _is_in_class(outer: list[str]) -> bool:
    """Whether the nearest of the nodes around a declaration, its block left out, is a class."""
    skipped = {"block", "decorated_definition", "class_body", "declaration_list"}
    nearest = next((kind for kind in outer if kind not in skipped), "")
    return nearest in _CLASSES
