"""Where in a source file a gap can be cut, found by tree-sitter in one walk over the tree."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text import Span

_BODY_CHARS = 320
_BODY_LINES = 8
_ARGUMENT_CHARS = 120
_FEWEST_LINES = 3
_BRACKETED = frozenset({"argument_list", "parameters"})
_TEXT = frozenset({"string", "comment", "concatenated_string"})


@dataclass(frozen=True, slots=True)
class Places:
    """Spans in the order of the text.

    `tokens` are the leaves of the tree outside strings and comments. `lines` are lines of code,
    each from its first token to its last character; blank lines, comments and the insides of
    strings are none. `bodies` are blocks of at most 8 lines, `arguments` what stands between
    brackets within one line.
    """

    tokens: tuple[Span, ...]
    lines: tuple[Span, ...]
    bodies: tuple[Span, ...]
    arguments: tuple[Span, ...]

    def line_of(self, offset: int) -> Span | None:
        """The line of code that holds `offset`; None where there is none."""
        index = bisect_right(self.lines, offset, key=lambda line: line.start) - 1
        found = self.lines[index] if index >= 0 else None
        return found if found and offset < found.end else None

    def tokens_within(self, span: Span) -> tuple[Span, ...]:
        """The tokens that lie in `span` whole."""
        first = bisect_left(self.tokens, span.start, key=lambda token: token.start)
        last = bisect_right(self.tokens, span.end, key=lambda token: token.end)
        return self.tokens[first:last]


def places_of(text: str) -> Places | None:
    """The places of a Python file; None where it has syntax errors or is data rather than code."""
    source = Source.parse(text, language_of("a.py"))
    if source.tree.root_node.has_error:
        return None
    nodes = tuple(_code(source.tree.root_node))
    tokens = tuple(source.span(node) for node in nodes if not node.child_count and _size(node))
    lines = _lines(text, tokens)
    scopes = any(node.type in source.language.scopes for node in nodes)
    if not scopes or len(lines) < _FEWEST_LINES:
        return None
    bodies = (source.span(node) for node in nodes if node.type in source.language.blocks)
    inner = (_inside(source.span(node)) for node in nodes if node.type in _BRACKETED)
    return Places(
        tokens,
        lines,
        tuple(span for span in bodies if _is_short(span.of(text))),
        tuple(span for span in inner if _is_argument(span.of(text))),
    )


def _size(node: Node) -> int:
    """Bytes that the node covers. Some grammars end a block with a leaf of none."""
    return node.end_byte - node.start_byte


def _code(root: Node) -> Iterator[Node]:
    """The nodes in the order of the text, but not what is inside of strings and comments."""
    pending = [root]
    while pending:
        node = pending.pop()
        if node.type not in _TEXT:
            yield node
            pending += reversed(node.children)


def _lines(text: str, tokens: tuple[Span, ...]) -> tuple[Span, ...]:
    """Each line that begins with a token, from there to its end."""
    lines: list[Span] = []
    end = -1
    for token in tokens:
        if token.start < end:
            continue
        start = text.rfind("\n", 0, token.start) + 1
        end = text.find("\n", token.start)
        end = len(text) if end < 0 else end
        if not text[start : token.start].strip():
            lines.append(Span(token.start, end))
    return tuple(lines)


def _inside(span: Span) -> Span:
    return Span(span.start + 1, max(span.start + 1, span.end - 1))


def _is_short(body: str) -> bool:
    return len(body) <= _BODY_CHARS and body.count("\n") < _BODY_LINES


def _is_argument(inner: str) -> bool:
    return bool(inner.strip()) and len(inner) <= _ARGUMENT_CHARS and "\n" not in inner
