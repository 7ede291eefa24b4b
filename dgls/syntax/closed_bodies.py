"""Empty bodies, in languages where a token such as `}` or `end` ends a body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from dgls.syntax.hole import Hole, HoleKind
from dgls.syntax.scopes import name_of
from dgls.syntax.source import Source
from dgls.text.indentation import USUAL_UNIT, indentation, unit_of
from dgls.text.lines import line_around, line_end_of
from dgls.text.spans import Span

# A fill uses the line ends found within this many characters of a body.
_NEAR = 4_000


def empty_closed_bodies(
    source: Source, bodies: Iterable[Node], scopes: Iterable[Node]
) -> Iterator[Hole]:
    """The holes of those bodies and scopes that hold nothing but comments.

    A body is a node with its brackets (`@body` in a holes query). Without opening brackets the
    scope is given (`@scope`), whose field `body` is missing if it is empty.
    """
    comments = source.language.comments
    empty = [
        *(node for node in bodies if all(each.type in comments for each in node.named_children)),
        *(node for node in scopes if node.child_by_field_name("body") is None),
    ]
    for node in empty:
        closer = node.children[-1] if node.children else None
        if closer is None or closer.is_missing or closer.type not in source.language.closers:
            continue
        if closer.prev_sibling is not None:
            yield _hole(source, node, closer.prev_sibling, closer)


def _hole(source: Source, node: Node, last: Node, closer: Node) -> Hole:
    """The hole between `last`, after which a statement goes, and the body's end."""
    text = source.text
    span = Span(source.span(last).end, source.span(closer).start)
    own_line = line_around(text, span.end)
    begun = line_around(text, source.span(node).start)
    alone = not text[own_line.start : span.end].strip()
    outer = indentation((own_line if alone else begun).of(text))
    line_end = line_end_of(text[max(0, span.start - _NEAR) : span.start + _NEAR])
    scope = _scope_of_body(source, node)
    named = name_of(scope) if scope is not None else None
    title = f"Fill the body of `{source.span(named).of(text)}`" if named else "Fill the empty block"
    where = Span(source.span(scope or node).start, source.span(closer).end)
    lead = line_end + outer + (unit_of(text) or USUAL_UNIT)
    return Hole(HoleKind.EMPTY_BODY, title, span, where, True, lead, line_end + outer)


def _scope_of_body(source: Source, node: Node) -> Node | None:
    """The scope that has this body, or that this node is; None for the body of something else."""
    scopes = source.language.scopes
    candidates = (node, node.parent, node.parent.parent if node.parent else None)
    return next((each for each in candidates if each is not None and each.type in scopes), None)
