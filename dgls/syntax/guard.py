"""Checks that an edit leaves the syntax at least as sound as before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tree_sitter import Node, QueryCursor

from dgls.syntax.source import Source
from dgls.syntax.window import window
from dgls.text.lines import line_around
from dgls.text.spans import Edit, Span, moved_spans


@dataclass(frozen=True, slots=True)
class Damage:
    """The errors that the parser met in a text, and how many bytes they cover.

    `faults` counts ERROR and MISSING nodes. `covered` tells an error of one line from one that
    swallows what follows, as an unclosed quote may.
    """

    faults: int
    covered: int


def keeps_syntax(source: Source, edits: Sequence[Edit]) -> bool:
    """Whether the text after `edits` has no more syntax errors than before.

    A block left without a statement counts as an error, although the parser accepts it, unless its
    header is the last line of a fill: there the user continues.
    """
    if not edits or not source.language.has_grammar:
        return True
    source, edits = _neighbourhood(source, edits)
    return is_no_worse(source, source.edited(edits), edits)


def is_no_worse(source: Source, after: Source, edits: Sequence[Edit]) -> bool:
    """Whether `after`, which is `source` after `edits`, has no more syntax errors."""
    new = damage(after)
    if new.faults and not _no_worse(source, new, edits):
        return False
    return all(
        _keeps_blocks(source, edit.span, after, filled)
        for edit, filled in zip(edits, moved_spans(edits), strict=True)
    )


def damage(source: Source) -> Damage:
    """The syntax errors of a source. Only the parts of the tree that hold errors are visited.

    In HTML all parts are, because its grammar does not report stray end tags as errors.
    """
    faults = covered = 0
    pending, everywhere = [source.tree.root_node], source.language.id == "html"
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing or node.type == "erroneous_end_tag":
            faults += 1
            covered += node.end_byte - node.start_byte
        if node.has_error or everywhere:
            pending += node.children
    if not faults and source.tree.root_node.has_error:
        # A missing end tag in HTML has no node of its own.
        faults = 1
    return Damage(faults, covered)


def _neighbourhood(source: Source, edits: Sequence[Edit]) -> tuple[Source, Sequence[Edit]]:
    """The definitions around the edits as a separate source, and the edits in it.

    In a long file the guard therefore parses only these definitions.
    """
    first = min(edit.span.start for edit in edits)
    last = max(edit.span.end for edit in edits)
    around = window(source.text, source.language, Span(first, last))
    if len(around) == len(source.text):
        return source, edits
    preamble = source.language.preamble if around.start else ""
    shift = len(preamble) - around.start
    moved = [
        Edit(Span(edit.span.start + shift, edit.span.end + shift), edit.text) for edit in edits
    ]
    return Source.parse(preamble + around.of(source.text), source.language), moved


def _no_worse(before: Source, new: Damage, edits: Sequence[Edit]) -> bool:
    old = damage(before)
    # New text inside an error makes that error longer without making it worse, and so does white
    # space around it, which belongs to no error where it is at an end.
    added = sum(len(edit.text.encode()) + _space_around(before.text, edit.span) for edit in edits)
    return new.faults <= old.faults and new.covered <= old.covered + added


def _space_around(text: str, span: Span) -> int:
    line = line_around(text, span.start)
    head, tail = text[line.start : span.start], text[span.end : max(line.end, span.end)]
    return len(head) - len(head.rstrip()) + len(tail) - len(tail.lstrip())


def _keeps_blocks(before: Source, span: Span, after: Source, filled: Span) -> bool:
    """Whether the fill of one span, at `filled` afterwards, leaves no block empty."""
    blocks = _empty_blocks(after, filled)
    if not blocks:
        return True
    last_line = line_around(after.text, filled.end).start
    if any(filled.start < block < last_line for block in blocks):
        return False
    around = [block for block in blocks if block <= filled.start or block > filled.end]
    return len(around) <= len(_empty_blocks(before, span))


def _empty_blocks(source: Source, span: Span) -> list[int]:
    """The offsets of blocks without a statement, on the span's lines and those beside them."""
    if not source.language.blocks:
        return []
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
    if any(child.type not in source.language.comments for child in block.named_children):
        return False
    # Text that the parser rejected between a header and its block may belong to the block.
    return block.prev_sibling is None or not block.prev_sibling.is_error
