"""Checks that a rewrite keeps what the selection does for the code below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from dgls.sound.alike import alike
from dgls.sound.cleaned import Refusal
from dgls.sound.holes import is_hole
from dgls.sound.site import Site
from dgls.sound.texts import is_text
from dgls.syntax.language import ScopeKind
from dgls.syntax.parameters import PARAMETERS
from dgls.syntax.scopes import body_of, enclosing_scopes, name_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

_BINDS = re.compile(
    r"assign|declarat|definition|_item$|import|^for_|^let_|_spec$|with_item|update_expression|"
    r"as_pattern|named_expression|compound_assignment|for_in_clause|enhanced_for|foreach|"
    r"range_clause|variable_list|for_numeric|^cte$|^anchor$"
)
_OF_OBJECTS = re.compile(r"[.>@:]")
"""Marks of members, which are known outside the function that sets them."""
_FIELDS = ("left", "name", "pattern", "declarator", "alias", "target", "argument", "operand")
_NAMED = re.compile(
    r"identifier$|^identifier|^name$|variable_name|^constant$|^word$|^anchor_name$|^property_name$"
)
_MEMBER = re.compile(r"attribute|member|field_expression|selector|subscript|index")
_EXITS = re.compile(
    r"^(?:return|return_statement|return_expression|raise_statement|throw_statement|"
    r"throw_expression|break_statement|continue_statement|break_expression|continue_expression|"
    r"jump_expression|goto_statement|break|next|yield|yield_statement)$"
)
# A rewrite may check more than the selection did.
_ERRORS = frozenset({"raise", "throw"})
_RESULTS = frozenset({"return", "yield"})


def why_not_rewrite(site: Site, text: str, score: float | None) -> Refusal | None:
    """Why a text may not replace the selection; None if it may."""
    if alike(text) == alike(site.old):
        return Refusal.SAME
    least = site.wanted.least_score
    if least is not None and score is not None and score <= least:
        return Refusal.NO_BETTER
    if not site.language.has_grammar:
        return None
    after, span = site.filled(text), site.filled_span(text)
    if _lost(site, after, span):
        return Refusal.LOSES_NAMES
    old, new = _exits(site.source, site.span), _exits(after, span)
    added, lost = (new - old) - _ERRORS, (old - new) & _RESULTS
    if (added or lost) and not is_hole(site, site.old):
        return Refusal.LOSES_EXIT
    return None


def _lost(site: Site, after: Source, span: Span) -> set[str]:
    """The names that only the selection bound and that the code below needs."""
    lost = bound_names(site.source, site.span) - bound_names(after, span)
    return {name for name in lost if _is_used_below(site, name)}


def bound_names(source: Source, span: Span) -> set[str]:
    """The names that the statements of `span` assign or define.

    Members are named with their object, such as `self.total`.
    """
    found: set[str] = set()
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    # A loop's header binds names for its body, which may be below the selection.
    for node in _nodes(source, span, parts=True):
        if node.is_named and node.parent is not None and node.parent.type in PARAMETERS:
            for name in _of_parameter(node):
                if start <= name.start_byte and name.end_byte <= end:
                    found |= set(_names(name))
        elif _BINDS.search(node.type) or node.type in source.language.scopes:
            for bound in _bound(node):
                if start <= bound.start_byte and bound.end_byte <= end:
                    found |= set(_names(bound))
    return found


def own_bound_names(source: Source, span: Span) -> set[str]:
    """The names bound in `span` that code outside it can use.

    Those are functions, classes, their members and variables, but not names bound inside a
    function.
    """
    found: set[str] = set()
    for node in _nodes(source, span, scopes=False):
        kind = source.language.scopes.get(node.type)
        if kind is not None or _BINDS.search(node.type):
            for bound in _bound(node):
                found |= set(_names(bound))
        if kind is ScopeKind.CLASS and (body := body_of(source, node)) is not None:
            found |= own_bound_names(source, source.span(body))
    return found


def outer_scopes(source: Source, span: Span) -> Iterator[Node]:
    """The functions and classes in `span`, without nested ones."""
    nodes = _nodes(source, span, scopes=False)
    return (node for node in nodes if node.type in source.language.scopes)


def _of_parameter(node: Node) -> Sequence[Node]:
    """The nodes that name a parameter; in some languages its type comes first."""
    for field in ("name", "pattern", "declarator"):
        if named := node.children_by_field_name(field):
            return named
    return node.named_children[:1] or [node]


def _bound(node: Node) -> Iterator[Node]:
    """The child nodes that name what a node binds."""
    fields = [each for name in _FIELDS for each in node.children_by_field_name(name)]
    if fields:
        yield from fields
    elif node.type == "foreach_statement":
        # PHP's loop has the iterated value first.
        yield from node.named_children[1:2]
    elif (name := name_of(node)) is not None:
        yield name
    elif node.named_children and _NAMED.search(node.named_children[0].type):
        yield node.named_children[0]


def _names(node: Node) -> Iterator[str]:
    """The names in a pattern: `a, (b, c)` has three, `self.a` and `a[0]` are one each."""
    text = (node.text or b"").decode()
    if node.type.endswith("_type") or (node.type == "property_name" and text[:2] != "--"):
        return
    if _BINDS.search(node.type):
        for bound in _bound(node):
            yield from _names(bound)
    elif _MEMBER.search(node.type):
        yield text.split("[")[0]
    elif _NAMED.search(node.type) or not node.named_children:
        yield text
    else:
        for child in node.named_children:
            yield from _names(child)


def _is_used_below(site: Site, name: str) -> bool:
    """Whether code after the selection, in the same function, uses the name."""
    source = site.source
    scopes = enclosing_scopes(source, site.span.start)
    is_local = scopes and not _OF_OBJECTS.search(name)
    end = scopes[-1].span.end if is_local else len(source.text)
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    uses = word.finditer(source.text, site.span.end, max(end, site.span.end))
    return any(not is_text(source, use.start()) for use in uses)


def _exits(source: Source, span: Span) -> set[str]:
    """The ways in which the statements of `span` leave the code around them."""
    kinds = (_EXITS.match(node.type) for node in _nodes(source, span, scopes=False))
    return {match.group().split("_")[0] for match in kinds if match}


def _nodes(
    source: Source, span: Span, *, scopes: bool = True, parts: bool = False
) -> Iterator[Node]:
    """The nodes in `span`; with `parts` also those that only overlap it.

    Nodes of functions inside it are included only with `scopes`.
    """
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        within = start <= node.start_byte and node.end_byte <= end
        if within or parts:
            yield node
        if scopes or not within or node.type not in source.language.scopes:
            pending += node.children
