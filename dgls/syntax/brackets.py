"""The code brackets of a text by its syntax tree, without those in strings and comments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from tree_sitter import Node

from dgls.syntax.language import Language
from dgls.syntax.source import Source
from dgls.text.spans import Span

OPENERS = {"(": ")", "[": "]", "{": "}"}
"""The closing bracket of each opening one."""

CLOSERS = {closer: opener for opener, closer in OPENERS.items()}
"""The opening bracket of each closing one."""

# In shells a pattern in a `case` ends with a bracket that nothing opens.
_UNPAIRED_IN = frozenset({"case_item"})
_PROSE = frozenset({"inline", "paragraph", "pipe_table_cell", "heading_content"})
_TEXTUAL = ('"', "'", "`", "#", "/", "--", "[[", "%")


@dataclass(frozen=True, slots=True)
class Bracket:
    """One bracket and its position, in code points of its source."""

    at: int
    char: str


def brackets(source: Source, span: Span) -> Iterator[Bracket]:
    """The brackets of `span` that are code, in order."""
    return _brackets(source, span, skip_sound=False)


def open_brackets(source: Source, span: Span) -> list[Bracket]:
    """The brackets of `span` that nothing in it closes, outermost first."""
    found: list[Bracket] = []
    for bracket in _brackets(source, span, skip_sound=True):
        if bracket.char in OPENERS:
            found.append(bracket)
        elif found and OPENERS[found[-1].char] == bracket.char:
            found.pop()
    return found


def _brackets(source: Source, span: Span, *, skip_sound: bool) -> Iterator[Bracket]:
    """The brackets of `span`; with `skip_sound`, without those of nodes that are balanced."""
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    root = source.tree.root_node
    # Above the node that holds the whole span there is nothing but what lies beside it.
    pending = [root.descendant_for_byte_range(start, end) or root]
    while pending:
        node = pending.pop()
        first, last = node.start_byte, node.end_byte
        if last <= start or first >= end:
            continue
        if node.child_count:
            if not (skip_sound and start <= first and last <= end and not node.has_error):
                pending += reversed(node.children)
        elif not node.is_named and not _is_text(node):
            for offset, char in enumerate(node.type):
                at = first + offset
                if (char in OPENERS or char in CLOSERS) and start <= at < end:
                    yield Bracket(source.offset(at), char)


def within_brackets(text: str, tail: str, language: Language) -> str:
    """The text up to the bracket that closes an earlier one, if `tail` closes that too.

    `tail` is what follows the gap on its line. A bracket that is open at the gap closes only once,
    and if the line continues with a closing bracket, that one closes it.
    """
    closer = tail.lstrip()[:1]
    if closer not in CLOSERS:
        return text
    end = first_unopened(text, closer, language)
    return text if end is None else text[:end]


@lru_cache(maxsize=4096)
def first_unopened(text: str, closer: str, language: Language) -> int | None:
    """The index at which `text` first closes a bracket that it did not open; None if it does not.

    `closer` is the closing bracket after the text, so its partner is open before the text.
    """
    if not any(char in text for char in CLOSERS):
        return None
    if not language.has_grammar or not any(mark in text for mark in _TEXTUAL):
        return _first_unopened(enumerate(text))
    head = language.preamble + CLOSERS[closer]
    source = Source.parse(head + text, language)
    span = Span(len(head), len(source.text))
    found = _first_unopened((each.at, each.char) for each in brackets(source, span))
    return None if found is None else found - len(head)


def _first_unopened(characters: Iterator[tuple[int, str]]) -> int | None:
    depth = 0
    for at, char in characters:
        depth += (char in OPENERS) - (char in CLOSERS)
        if depth < 0:
            return at
    return None


def _is_text(node: Node) -> bool:
    """Whether a token is a string's own delimiter, or has no partner."""
    parent = node.parent
    if node.is_missing or parent is None:
        return node.is_missing
    return "string" in parent.type or parent.type in _UNPAIRED_IN or parent.type in _PROSE
