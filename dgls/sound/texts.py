"""Which parts of a document are text instead of code: strings and comments."""

from __future__ import annotations

import re

from tree_sitter import Node

from dgls.syntax.source import Source
from dgls.text.spans import Span

_TEXT = re.compile(r"comment|string|heredoc|char_literal|character_literal|template_literal")
_CODE = re.compile(r"interpolation|substitution|expansion")

BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
"""A block comment of the languages that also have `//`."""


def is_text(source: Source, offset: int) -> bool:
    """Whether the character at `offset` belongs to a string or a comment."""
    return text_around(source, offset) is not None


def is_in_string(source: Source, offset: int) -> bool:
    """Whether `offset` is inside a string other than documentation."""
    around = text_around(source, offset)
    while around is not None and around.parent is not None and _TEXT.search(around.parent.type):
        around = around.parent
    if around is None or around.start_byte >= source.byte_offset(offset):
        return False
    is_statement = around.parent is not None and around.parent.type == "expression_statement"
    return "comment" not in around.type and not is_statement


def text_around(source: Source, offset: int) -> Node | None:
    """The innermost string or comment that contains the character at `offset`."""
    node: Node | None = source.node_at(Span(offset, min(len(source.text), offset + 1)))
    while node is not None:
        # TypeScript has a token `string`, which is a type.
        if node.is_named and _CODE.search(node.type):
            return None
        if node.is_named and _TEXT.search(node.type):
            return node
        node = node.parent
    return None
