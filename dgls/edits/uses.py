"""The uses of a variable in its scope, and how each is written with another name."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.edits.tree import NAMES, above, is_function, reach, text_of, walk

_USES = NAMES | {"shorthand_property_identifier"}

_MEMBERS = {
    "attribute": "attribute",
    "keyword_argument": "name",
    "field_access": "field",
    "method_invocation": "name",
    "element_value_pair": "key",
    "member_access_expression": "name",
    "argument": "name",
    "assignment_expression": "left",
    "dot_index_expression": "field",
    "method_index_expression": "method",
    "field": "name",
    "keyed_element": "key",
}
"""The kinds of nodes with the name of a member or an argument, and the field that it is in."""

_LABELED = frozenset(
    [
        "labeled_statement",
        "label_statement",
        "break_statement",
        "continue_statement",
        "goto_statement",
    ]
)

_SHORTHANDS = {
    "shorthand_property_identifier": "{old}: {new}",
    "shorthand_field_initializer": "{old}: {new}",
    "export_specifier": "{new} as {old}",
    "anonymous_object_creation_expression": "{old} = {new}",
}
"""How code whose single name is that of a variable and of a member is written with two."""


def uses(scope: Node, name: str) -> Iterator[Node]:
    """The uses of a name in the scope, without functions that declare it again."""
    waiting = [scope]
    while waiting:
        node = waiting.pop()
        if node is not scope and is_function(node) and _declares(node, name):
            continue
        if node.type in _USES and text_of(node) == name and not _is_member(node):
            yield node
        waiting.extend(reversed(node.children))


def is_captured(use: Node, scope: Node, name: str) -> bool:
    """Whether a function between a use and its scope declares a name, which it would mean there."""
    for each in above(use):
        if each == scope:
            return False
        if is_function(each) and _declares(each, name):
            return True
    return False


def respelled(use: Node, name: str) -> str:
    """The text of a use of a variable that is called `name` now."""
    parent = use.parent
    kinds = [use.type] + ([parent.type] if parent is not None and _is_single(use, parent) else [])
    form = next((_SHORTHANDS[kind] for kind in kinds if kind in _SHORTHANDS), "{new}")
    return form.format(old=text_of(use), new=name)


def _is_single(use: Node, parent: Node) -> bool:
    """Whether no other name or value belongs to that of a use."""
    is_first = parent.child_by_field_name("name") in {None, use}
    return is_first and parent.child_by_field_name("alias") is None


def _declares(node: Node, name: str) -> bool:
    return any(
        text_of(each) == name and reach(each) == node for each in walk(node) if each.type in NAMES
    )


def _is_member(node: Node) -> bool:
    """Whether a name is that of a member, an argument or a label."""
    inner, holder = node, node.parent
    if holder is not None and holder.type == "literal_element":
        inner, holder = holder, holder.parent
    if holder is None:
        return False
    field = _MEMBERS.get(holder.type)
    if field is not None and holder.child_by_field_name(field) == inner:
        return not _holds_variable(holder)
    is_method = holder.type == "method_reference" and holder.children[-1] == inner
    return holder.type in _LABELED or is_method


def _holds_variable(holder: Node) -> bool:
    """Whether the key or the target in a node is a variable after all."""
    around = holder.parent
    if holder.type == "field":
        return holder.children[0].type == "["
    if holder.type == "assignment_expression":
        # C# sets members so: `new Point { X = 1 }`.
        return around is None or around.type != "initializer_expression"
    if holder.type == "keyed_element" and around is not None and around.parent is not None:
        literal = around.parent.child_by_field_name("type")
        return literal is not None and literal.type == "map_type"
    return False
