"""Checks that an answer closes each string and comment that it begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from dgls.syntax.source import Source
from dgls.text.spans import Span

_QUOTE = re.compile(r"[a-zA-Z#@$]{0,3}(?:\"{1,3}|'{1,3}|`)#*")
_COMMENT = "/*"
_AROUND_COMMENTS = re.compile(r"comment|string|char|regex|glob|text|pattern|content")


def leaves_text_open(source: Source, span: Span) -> bool:
    """Whether a string or a comment that begins in `span` has no end.

    In code that was broken before, counting errors does not tell: an unclosed quote may be one
    error, just like the text that it replaces.
    """
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    if any(start <= at < end for at in _open_quotes(source)):
        return True
    return _begins_comment(source, span)


def _open_quotes(source: Source) -> Iterator[int]:
    """The byte offsets of quotes that nothing closes."""
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        if node.is_missing and node.parent is not None and _QUOTE.fullmatch(node.type):
            yield node.parent.start_byte
        elif node.is_error:
            yield from _quotes_of(source, node)
        if node.has_error:
            pending += node.children


def _quotes_of(source: Source, error: Node) -> Iterator[int]:
    """The byte offsets of quotes among an error's own tokens."""
    for node in error.children or (error,):
        if not node.child_count and _QUOTE.fullmatch(_text(source, node)):
            yield node.start_byte


def _begins_comment(source: Source, span: Span) -> bool:
    """Whether the parser misreads the start of a comment that has no end."""
    if source.language.line_comment != "//":
        return False
    at = span.of(source.text).find(_COMMENT)
    while at >= 0:
        node = source.node_at(Span(span.start + at, span.start + at + len(_COMMENT)))
        if not _AROUND_COMMENTS.search(node.type):
            return True
        at = span.of(source.text).find(_COMMENT, at + 1)
    return False


def _text(source: Source, node: Node) -> str:
    return source.data[node.start_byte : node.end_byte].decode("utf-8", "replace")
