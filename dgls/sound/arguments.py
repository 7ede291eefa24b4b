"""Whether a call has more arguments than its function takes, if the file defines the function."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from dgls.sound.site import Site
from dgls.syntax.language import ScopeKind
from dgls.syntax.parameters import PARAMETERS
from dgls.syntax.scopes import name_of
from dgls.syntax.source import Source

_ARGUMENTS = re.compile(r"^(?:argument_list|arguments|value_arguments|call_arguments)$")
_ANY_NUMBER = re.compile(r"splat|variadic|spread|rest|vararg|params")
_MARKS = frozenset({"keyword_separator", "positional_separator"})
_SELF = frozenset({"self", "cls", "self_parameter"})
_NAME = re.compile(r"\w+$")


def too_many_arguments(site: Site, text: str) -> bool | None:
    """Whether the call that a text fills then has more arguments than its function takes.

    None if the file does not tell.
    """
    if not site.language.has_grammar:
        return None
    after = site.filled(text)
    call = _arguments_around(after, site.filled_span(text).start)
    if call is None or call.parent is None:
        return None
    name = _called(after, call)
    counts = set(_parameters(after, name)) if name else set()
    if len(counts) != 1:
        return None
    (most,) = counts
    return None if most is None else _count(after, call) > most


def _arguments_around(source: Source, offset: int) -> Node | None:
    byte = source.byte_offset(offset)
    node: Node | None = source.tree.root_node.descendant_for_byte_range(max(0, byte - 1), byte)
    while node is not None and not _ARGUMENTS.match(node.type):
        if node.type in source.language.bodies:
            return None
        node = node.parent
    return node


def _called(source: Source, arguments: Node) -> str:
    """The last part of the name before the arguments."""
    assert arguments.parent is not None
    head = source.data[arguments.parent.start_byte : arguments.start_byte].decode()
    found = _NAME.search(head.rstrip())
    return found.group() if found else ""


def _count(source: Source, arguments: Node) -> int:
    return sum(child.type not in source.language.comments for child in arguments.named_children)


def _parameters(source: Source, name: str) -> Iterator[int | None]:
    """The number of arguments of each function with that name; None for any number."""
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        pending += node.named_children
        if source.language.scopes.get(node.type) is not ScopeKind.FUNCTION:
            continue
        named = name_of(node)
        if named is None or named.text is None or named.text.decode() != name:
            continue
        listed = _parameter_list(source, node)
        if listed is not None:
            yield _takes(listed)


def _parameter_list(source: Source, function: Node) -> Node | None:
    """The first parameter list in a function's header."""
    pending = list(function.named_children)
    while pending:
        node = pending.pop(0)
        if node.type in source.language.bodies:
            continue
        if node.type in PARAMETERS:
            return node
        pending = [*node.named_children, *pending]
    return None


def _takes(parameters: Node) -> int | None:
    count = 0
    for number, child in enumerate(parameters.named_children):
        text = (child.text or b"").decode()
        if "comment" in child.type or child.type in _MARKS:
            continue
        if _ANY_NUMBER.search(child.type) or text.startswith(("*", "...", "params ")):
            return None
        if "..." in text or text.startswith("vararg "):
            return None
        count += not (number == 0 and (text in _SELF or child.type in _SELF))
    return count
