"""Finds where a gap can be cut in a source file, with tree-sitter in one walk over the tree."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from dgls.syntax.language import Language, ScopeKind
from dgls.syntax.scopes import body_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

_BODY_CHARS = 320
_BODY_LINES = 8
_ARGUMENT_CHARS = 120
_FEWEST_LINES = 3
_BRACKETED = re.compile(r"argument|parameter")
_TEXT = re.compile(r"string|regex|heredoc|nowdoc|raw_text|jsx_text|(?:char|rune|character)_literal")
_NAME = re.compile(r"\w+")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Places:
    """Spans in text order.

    `tokens` are the leaves of the tree outside strings and comments. In languages of data and
    prose, which have no scopes, strings count too, and long leaves are cut into words. `lines` are
    lines of code, each from its first token to its last character; blank lines, comments, lines
    inside strings and lines that only close a body do not count. `bodies` are the contents of
    blocks of at most 8 lines, `arguments` the text between brackets within one line.
    """

    tokens: tuple[Span, ...]
    lines: tuple[Span, ...]
    bodies: tuple[Span, ...]
    arguments: tuple[Span, ...]

    def line_of(self, offset: int) -> Span | None:
        """The line of code that holds `offset`, or None."""
        index = bisect_right(self.lines, offset, key=lambda line: line.start) - 1
        found = self.lines[index] if index >= 0 else None
        return found if found and offset < found.end else None

    def tokens_within(self, span: Span) -> tuple[Span, ...]:
        """The tokens that lie completely in `span`."""
        first = bisect_left(self.tokens, span.start, key=lambda token: token.start)
        last = bisect_right(self.tokens, span.end, key=lambda token: token.end)
        return self.tokens[first:last]


def places_of(text: str, language: Language) -> Places | None:
    """The places of a file; None if it has syntax errors.

    Also None if a file has no scopes although its language has them: it is data, not code.
    """
    source = Source.parse(text, language)
    if source.tree.root_node.has_error:
        return None
    nodes = tuple(_code(source.tree.root_node, language))
    leaves = tuple(source.span(node) for node in nodes if not node.child_count and _size(node))
    tokens = leaves if language.scopes else tuple(_words(text, leaves))
    lines = tuple(each for each in _lines(text, tokens) if not _closes(each.of(text), language))
    is_code = not language.scopes or any(node.type in language.scopes for node in nodes)
    if not is_code or len(lines) < _FEWEST_LINES:
        return None
    bodies = (_statements(source, node) for node in nodes if _is_body(node, language))
    inner = (_inside(source.span(node)) for node in nodes if _is_bracketed(node))
    return Places(
        tokens,
        lines,
        tuple(dict.fromkeys(each for each in bodies if each and _is_short(each.of(text)))),
        tuple(span for span in inner if _is_argument(span.of(text))),
    )


def function_bodies(text: str, language: Language) -> tuple[Span, ...]:
    """The statements of each function with a body below its header; empty for a broken file."""
    source = Source.parse(text, language)
    if source.tree.root_node.has_error:
        return ()
    nodes = [
        node
        for node in _code(source.tree.root_node, language)
        if language.scopes.get(node.type) is ScopeKind.FUNCTION
    ]
    found = ((source.offset(node.start_byte), _body_of(source, node)) for node in nodes)
    return tuple(
        body for start, body in found if body and not _is_on_header(text, start, body.start)
    )


def _body_of(source: Source, function: Node) -> Span | None:
    body = body_of(source, function)
    while (
        body and len(body.named_children) == 1 and _is_body(body.named_children[0], source.language)
    ):
        body = body.named_children[0]
    return _statements(source, body) if body else None


def _is_on_header(text: str, start: int, body: int) -> bool:
    """Whether the body is on a line with another part of its function before it."""
    line = max(start, text.rfind("\n", 0, body) + 1)
    return bool(text[line:body].strip())


def _size(node: Node) -> int:
    """The bytes that the node covers. Some grammars end a block with an empty leaf."""
    return node.end_byte - node.start_byte


def _code(root: Node, language: Language) -> Iterator[Node]:
    """The nodes in text order, without those inside strings and comments."""
    pending = [root]
    while pending:
        node = pending.pop()
        if not _is_text(node, language):
            yield node
            pending += reversed(node.children)


def _is_text(node: Node, language: Language) -> bool:
    """Whether the node is a comment, or a string in a language with code beside strings."""
    if not node.is_named:
        return False
    is_string = bool(language.scopes) and _TEXT.search(node.type) is not None
    return is_string or node.type in language.comments


def _words(text: str, leaves: tuple[Span, ...]) -> Iterator[Span]:
    """The leaves, split at white space."""
    for leaf in leaves:
        for word in _WORD.finditer(text, leaf.start, leaf.end):
            yield Span(word.start(), word.end())


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


def _closes(line: str, language: Language) -> bool:
    """Whether a line only ends bodies, such as `});` or `end`."""
    return bool(language.closers) and all(word in language.closers for word in _NAME.findall(line))


def _is_body(node: Node, language: Language) -> bool:
    """Whether the node has statements or members, and no header."""
    return node.type in (language.blocks or language.bodies) and node.type not in language.scopes


def _statements(source: Source, block: Node) -> Span | None:
    """From the first statement of a block to its last, without brackets.

    None if there is no statement, or if the block begins with its own header.
    """
    inner = block.named_children
    if not inner or (not block.children[0].is_named and block.children[-1].is_named):
        return None
    if len(inner) == 1 and _is_body(inner[0], source.language):
        # The block has only another block, which is visited separately.
        return None
    start = source.offset(inner[0].start_byte)
    text = source.text[start : source.offset(inner[-1].end_byte)]
    return Span(start, start + len(text.rstrip()))


def _is_bracketed(node: Node) -> bool:
    brackets = node.children[:1] + node.children[-1:]
    return _BRACKETED.search(node.type) is not None and [each.type for each in brackets] == [
        "(",
        ")",
    ]


def _inside(span: Span) -> Span:
    return Span(span.start + 1, max(span.start + 1, span.end - 1))


def _is_short(body: str) -> bool:
    return len(body) <= _BODY_CHARS and body.count("\n") < _BODY_LINES


def _is_argument(inner: str) -> bool:
    return bool(inner.strip()) and len(inner) <= _ARGUMENT_CHARS and "\n" not in inner
