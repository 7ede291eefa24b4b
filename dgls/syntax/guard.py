"""Whether an edit leaves the syntax at least as sound as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node, QueryCursor

from dgls.syntax.source import Source
from dgls.text import Edit, Span, line_around


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

    A block that they leave without a statement counts as an error, although the parser accepts
    it, unless its header is the last line of a fill: there the user goes on.
    """
    after = source.edited(edits)
    if after.tree.root_node.has_error and not _no_worse(source, after, edits):
        return False
    spans = [edit.span for edit in edits]
    return all(
        _keeps_blocks(_empty_blocks(source, old), _empty_blocks(after, new), new, after.text)
        for old, new in zip(spans, _moved(edits), strict=True)
    )


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


def _keeps_blocks(before: list[int], after: list[int], filled: Span, text: str) -> bool:
    """Whether a fill leaves no block empty, given where empty blocks begin before and after it."""
    last_line = line_around(text, filled.end).start
    if any(filled.start < block < last_line for block in after):
        return False
    around = [block for block in after if block <= filled.start or block > filled.end]
    return len(around) <= len(before)


def _empty_blocks(source: Source, span: Span) -> list[int]:
    """Where blocks without a statement begin, on the lines of the span and those beside them."""
    lines = source.lines
    first = max(0, lines.position(span.start).line - 1)
    last = min(len(lines.starts) - 1, lines.position(span.end).line + 1)
    cursor = QueryCursor(source.language.blocks_query)
    cursor.set_byte_range(
        source.byte_offset(lines.span(first).start), source.byte_offset(lines.span(last).end) + 1
    )
    blocks = cursor.captures(source.tree.root_node).get("block", [])
    return [source.offset(block.start_byte) for block in blocks if _is_empty(source, block)]


def _is_empty(source: Source, block: Node) -> bool:
    return all(child.type in source.language.comments for child in block.named_children)


def _moved(edits: Sequence[Edit]) -> list[Span]:
    """Where the new text of each edit stands after all of them."""
    return [_moved_span(edit, edits) for edit in edits]


def _moved_span(edit: Edit, edits: Sequence[Edit]) -> Span:
    before = (other for other in edits if other is not edit and other.span < edit.span)
    start = edit.span.start + sum(len(other.text) - len(other.span) for other in before)
    return Span(start, start + len(edit.text))
