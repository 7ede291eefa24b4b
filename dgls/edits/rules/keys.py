"""A changed key: the same key of the same object, or with the same value."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.edits.state import Offer, State
from dgls.edits.tree import above, node_of, text_of, walk

_HOLDERS = frozenset(
    ["subscript", "subscript_expression", "index_expression", "pair", "tuple_expression"]
)
_HOLDERS |= {"keyed_element"}


def same_key(state: State) -> Iterator[Offer]:
    """The other places whose holder differs in the key only."""
    for change in reversed(state.fresh):
        for run in change.runs:
            if not run.is_rename:
                continue
            old, new = run.old[0], run.new[0]
            node = node_of(state.source, run.span)
            holder = _holder(node)
            if holder is None or node.type in {"identifier", "field_identifier"}:
                continue
            wanted = _with(holder, node, old)
            for place in walk(state.source.tree.root_node):
                if text_of(place) == old and _role(place) == _role(node):
                    found = _holder(place)
                    if found is not None and text_of(found) == wanted:
                        why = f"the key `{old}` was changed to `{new}`"
                        yield Offer(state.source.span(place), new, "key", why)


def _holder(node: Node) -> Node | None:
    """The node that holds a key: the whole subscript, or the pair of key and value."""
    return next((each for each in list(above(node))[:4] if each.type in _HOLDERS), None)


def _with(holder: Node, part: Node, text: str) -> str:
    """The text of a node with a part replaced."""
    whole, start = holder.text or b"", holder.start_byte
    head, tail = whole[: part.start_byte - start], whole[part.end_byte - start :]
    return (head + text.encode() + tail).decode()


def _role(node: Node) -> tuple[str, str]:
    return node.type, node.parent.type if node.parent else ""
