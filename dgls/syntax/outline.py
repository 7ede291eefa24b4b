"""The outline of a file for prompts: the headers of its functions and classes."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.syntax.scopes import scope_of
from dgls.syntax.source import Source
from dgls.text.lines import line_around, with_line_ends


def outline(source: Source, most_chars: int) -> str:
    """The first lines of a source's scopes, with their indentation, in their order.

    Scopes inside functions are left out. The outline ends before the line that would exceed
    `most_chars`, and may be empty.
    """
    text = ""
    for line in _headers(source):
        if len(text) + len(line) + 1 > most_chars:
            break
        text += line + "\n"
    return text


def _headers(source: Source) -> Iterator[str]:
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        kind = source.language.scopes.get(node.type)
        if kind is not None:
            header = scope_of(source, node, kind).header
            start = line_around(source.text, header.start).start
            yield with_line_ends(source.text[start : header.end], "\n").partition("\n")[0].rstrip()
        if kind is None or kind.holds_members:
            pending += reversed(_children(node))


def _children(node: Node) -> list[Node]:
    """The children that may hold scopes; a leaf has none."""
    return [child for child in node.named_children if child.named_child_count]
