"""Whether an edit leaves the syntax at least as sound as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node, QueryCursor

from dgls.syntax.source import Source
from dgls.text import Edit, Span


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a text: the errors that the parser met, and how many bytes they cover.

    `faults` counts ERROR and MISSING nodes; `covered` tells an error in one line from one that
    swallows the rest of the file, as an unclosed string does.
    """

    faults: int
    covered: int


def keeps_syntax(source: Source, edits: Sequence[Edit]) -> bool:
    """Whether the text after `edits` has no more syntax errors than before.

    A block left without a statement counts as an error, although the parser accepts it.
    """
    after = source.edited(edits)
    if after.tree.root_node.has_error and not _no_worse(source, after, edits):
        return False
    return _empty_blocks(after, _moved(edits)) <= _empty_blocks(source, [e.span for e in edits])


def sound_head(source: Source, span: Span, fill: str) -> str | None:
    """The longest run of the fill's first lines that keeps the syntax; None where none does."""
    lines = fill.splitlines(keepends=True)
    for count in range(len(lines), 0, -1):
        head = "".join(lines[:count])
        head = head if count == len(lines) else head.rstrip("\r\n")
        if keeps_syntax(source, [Edit(span, head)]):
            return head
    return None


def damage(source: Source) -> Damage:
    """The syntax errors of a source. Only the parts of the tree that hold errors are visited."""
    faults = covered = 0
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            faults += 1
            covered += node.end_byte - node.start_byte
        if node.has_error:
            pending += node.children
    return Damage(faults, covered)


def _no_worse(before: Source, after: Source, edits: Sequence[Edit]) -> bool:
    old, new = damage(before), damage(after)
    # New text inside an error makes that error longer without making it worse.
    added = sum(len(edit.text.encode()) for edit in edits)
    return new.faults <= old.faults and new.covered <= old.covered + added


def _empty_blocks(source: Source, spans: Sequence[Span]) -> int:
    """How many blocks without a statement begin or end at the spans or on a line beside them."""
    return sum(_empty_blocks_near(source, span) for span in spans)


def _empty_blocks_near(source: Source, span: Span) -> int:
    lines = source.lines
    first = max(0, lines.position(span.start).line - 1)
    last = min(len(lines.starts) - 1, lines.position(span.end).line + 1)
    cursor = QueryCursor(source.language.blocks_query)
    cursor.set_byte_range(
        source.byte_offset(lines.span(first).start), source.byte_offset(lines.span(last).end) + 1
    )
    blocks = cursor.captures(source.tree.root_node).get("block", [])
    return sum(_is_empty(source, block) for block in blocks)


def _is_empty(source: Source, block: Node) -> bool:
    return all(child.type in source.language.comments for child in block.named_children)


def _moved(edits: Sequence[Edit]) -> list[Span]:
    """Where the new texts of the edits stand after all of them."""
    spans: list[Span] = []
    shift = 0
    for edit in sorted(edits, key=lambda each: each.span):
        start = edit.span.start + shift
        spans.append(Span(start, start + len(edit.text)))
        shift += len(edit.text) - len(edit.span)
    return spans
