"""A text with its syntax tree, updated edit by edit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import tree_sitter
from tree_sitter import Node, Tree

from dgls.errors import PositionError
from dgls.syntax.language import Language
from dgls.text.lines import Lines, has_lone_return
from dgls.text.spans import Edit, Span, apply_edits, moved_spans

_BLOCK = 4096
# A broken text of up to this many bytes is parsed from scratch, which takes about 3 ms.
_CHEAP_TO_PARSE = 32_768


@dataclass(frozen=True)
class Source:
    """An immutable text in a language. Its tree is parsed on first use.

    An edit does not parse. A text that is edited ten times before its tree is needed is parsed
    once, and the parser reuses the parts of the last tree that the edits did not touch.
    """

    text: str
    language: Language
    data: bytes = field(repr=False, compare=False)
    """The text as the parser reads it: UTF-8, with \\n for each lone \\r."""
    _lone_return: bool = field(default=False, repr=False, compare=False)
    _old_tree: Tree | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, language: Language) -> Source:
        """The source of a text. Raises `UnicodeEncodeError` for a lone surrogate."""
        data = text.encode()
        lone_return = has_lone_return(text, Span(0, len(text)))
        return cls(text, language, _with_newlines(data) if lone_return else data, lone_return)

    def edited(self, edits: Sequence[Edit]) -> Source:
        """The source after `edits`, whose spans refer to this text.

        Raises `PositionError` if they overlap or leave the text, `UnicodeEncodeError` for a lone
        surrogate.
        """
        text = apply_edits(self.text, edits)
        if self._lone_return or any(has_lone_return(text, new) for new in moved_spans(edits)):
            return Source.parse(text, self.language)
        changes = [
            _Change(self.byte_offset(edit.span.start), self.byte_offset(edit.span.end), new)
            for edit, new in ((edit, edit.text.encode()) for edit in edits)
        ]
        changes.sort(key=lambda change: (change.start, change.end))
        data, tree = self._spliced(changes), self._moved_tree(changes)
        made = Source(text, self.language, data, _old_tree=tree)
        if len(edits) == 1 and "lines" in self.__dict__:
            made.__dict__["lines"] = self.lines.edited(edits[0], text)
        return made

    @cached_property
    def tree(self) -> Tree:
        """The syntax tree, equal to that of a fresh parse.

        After a parse error the tree depends on the previous edits; such a text is parsed from
        scratch, unless it is so long that a user would notice.
        """
        parser = tree_sitter.Parser(self.language.grammar)
        old, is_short = self._old_tree, len(self.data) <= _CHEAP_TO_PARSE
        # A short text that had errors probably still has them.
        if old is None or (is_short and old.root_node.has_error):
            return parser.parse(self.data)
        tree = parser.parse(self.data, old)
        return parser.parse(self.data) if is_short and tree.root_node.has_error else tree

    @cached_property
    def lines(self) -> Lines:
        """The lines of the text."""
        return Lines(self.text)

    def byte_offset(self, offset: int) -> int:
        """The byte offset in `data` of the code point at `offset`, `0 <= offset <= len(text)`."""
        if not 0 <= offset <= len(self.text):
            raise PositionError(f"Offset {offset} is outside the text.")
        if len(self.data) == len(self.text):
            return offset
        block = offset // _BLOCK
        return self._block_bytes[block] + len(self.text[block * _BLOCK : offset].encode())

    def offset(self, byte: int) -> int:
        """The offset of the code point at `byte` of `data`; the inverse of `byte_offset`."""
        if not 0 <= byte <= len(self.data):
            raise PositionError(f"Byte {byte} is outside the text.")
        if len(self.data) == len(self.text):
            return byte
        # The last entry is the end of the text, where no block begins.
        block = bisect_right(self._block_bytes, byte, 0, len(self._block_bytes) - 1) - 1
        return block * _BLOCK + len(self.data[self._block_bytes[block] : byte].decode())

    def span(self, node: Node) -> Span:
        """The span that a node covers."""
        return Span(self.offset(node.start_byte), self.offset(node.end_byte))

    def node_at(self, span: Span) -> Node:
        """The smallest node that covers the span."""
        start, end = self.byte_offset(span.start), self.byte_offset(span.end)
        root = self.tree.root_node
        return root.descendant_for_byte_range(start, end) or root

    @cached_property
    def _block_bytes(self) -> tuple[int, ...]:
        """The byte offset of each block of characters; a conversion reads only one block."""
        blocks = (self.text[at : at + _BLOCK] for at in range(0, len(self.text), _BLOCK))
        return tuple(accumulate((len(block.encode()) for block in blocks), initial=0))

    def _spliced(self, changes: Sequence[_Change]) -> bytes:
        pieces: list[bytes] = []
        done = 0
        for change in changes:
            pieces += [self.data[done : change.start], change.new]
            done = change.end
        return b"".join([*pieces, self.data[done:]])

    def _moved_tree(self, changes: Sequence[_Change]) -> Tree | None:
        """The last tree with its nodes moved by the changes."""
        last = self.__dict__.get("tree", self._old_tree)
        if last is None:
            return None
        tree: Tree = last.copy()
        # Applied from last to first, because a change does not move earlier text.
        for change in reversed(changes):
            start = _point(self.data, change.start)
            end = _point(self.data, change.end)
            new_end = change.start + len(change.new)
            tree.edit(change.start, change.end, new_end, start, end, _advanced(start, change.new))
        return tree


@dataclass(frozen=True, slots=True)
class _Change:
    """Replace the bytes from `start` to `end` by `new`."""

    start: int
    end: int
    new: bytes


def _point(data: bytes, byte: int) -> tuple[int, int]:
    """The row and byte column as the parser counts them: only \\n ends a row."""
    return data.count(b"\n", 0, byte), byte - (data.rfind(b"\n", 0, byte) + 1)


def _advanced(point: tuple[int, int], new: bytes) -> tuple[int, int]:
    rows, column = _point(new, len(new))
    return point[0] + rows, column if rows else point[1] + column


def _with_newlines(data: bytes) -> bytes:
    """The data, equally long, with \\n for each lone \\r.

    The grammars know only \\n and \\r\\n, but a lone \\r ends a line too, in Python as in LSP.
    """
    kept = data.replace(b"\r\n", b"\0\n").replace(b"\r", b"\n")
    return kept.replace(b"\0\n", b"\r\n")
