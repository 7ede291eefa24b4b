"""What a file offers to others, in few characters: the headers of its functions and classes."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.syntax.scopes import scope_of
from dgls.syntax.source import Source
from dgls.text.lines import line_around, with_line_ends


def outline(source: Source, most_chars: int) -> str:
    """The first lines of the scopes of a source, indented as they are, in their order.

    Those inside of functions are left out. It ends before the line that would take it over
    `most_chars`, and is empty where there is none.
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
    """The children in which scopes may be; a leaf has none."""
    return [child for child in node.named_children if child.named_child_count]
