"""Ends an answer before the first thing that the file has already: an import, a key, a function."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from dgls.sound.alike import alike
from dgls.sound.site import Site
from dgls.syntax.language import ScopeKind
from dgls.syntax.scopes import name_of, scope_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

_KEYS = {
    "pair": "key",
    "flow_pair": "key",
    "block_mapping_pair": "key",
    "table": "name",
    "enum_constant": "name",
    "enum_assignment": "name",
    "enum_variant": "name",
    "enumerator": "name",
    "property_signature": "name",
    "keyword_argument": "name",
    "jsx_attribute": "name",
    "variable_declarator": "name",
    "import_specifier": "alias",
}
"""The kinds of members with a name of their own, and the field of the name, which may be first."""

_WRAPPERS = frozenset(
    {
        "decorated_definition",
        "export_statement",
        "lexical_declaration",
        "named_imports",
        "import_clause",
        "import_statement",
    }
)
"""Kinds of nodes whose members belong to the node around them."""

_AGAIN = re.compile(r"@(?:.*\.(?:setter|getter|deleter|register)\b|(?:\w+\.)?overload\b)")
"""Decorators of functions that are meant to have the name of another."""


def without_what_the_file_has(site: Site, text: str) -> str:
    """The text up to its first line with something that may be in the file only once.

    That is an import at the file's margin, a member of a list of names such as a mapping or an
    enumeration, a constant of JavaScript, or a function with the same header in the same place.
    """
    if not site.language.has_grammar:
        return text
    after, span = site.filled(text), site.filled_span(text)
    found = [at - span.start for at in _members_again(after, span)]
    if not site.in_text:
        found += _imports_again(site, text)
    if not found:
        return text
    end = text.rfind("\n", 0, max(0, min(found)))
    return text[:end].rstrip() if end >= 0 else ""


def _imports_again(site: Site, text: str) -> Iterator[int]:
    """Where a text has an import line that is another line of the file."""
    below = site.suffix.split("\n")[1:]
    others = {alike(line) for line in (*site.prefix.split("\n")[:-1], *below) if line[:1].strip()}
    lines = (site.line_head + text + site.line_tail).split("\n")
    at = -len(site.line_head)
    for line in lines:
        if site.language.imports.match(line) and alike(line) in others:
            yield at
        at += len(line) + 1


def _members_again(source: Source, span: Span) -> Iterator[int]:
    """Where members begin whose key is in a span, if another one has the same key."""
    for node in _nodes(source, span):
        key = _key(source, node)
        if key is None or not _overlap(key[1], span):
            continue
        around = _container(node)
        if around is None or around.is_error:
            continue
        for other in _members(around):
            known = _key(source, other) if other.type == node.type and other != node else None
            if known is None or known[0] != key[0]:
                continue
            if not _overlap(known[1], span) or other.start_byte < node.start_byte:
                yield source.span(node).start


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _nodes(source: Source, span: Span) -> Iterator[Node]:
    """The nodes that have code in a span, in text order."""
    start, end = source.byte_offset(span.start), source.byte_offset(span.end)
    pending = [source.tree.root_node]
    while pending:
        node = pending.pop()
        if node.end_byte > start and node.start_byte < end:
            yield node
            pending += reversed(node.children)


def _container(node: Node) -> Node | None:
    around = node.parent
    while around is not None and around.type in _WRAPPERS:
        around = around.parent
    return around


def _members(around: Node) -> Iterator[Node]:
    pending = list(reversed(around.named_children))
    while pending:
        node = pending.pop()
        yield node
        if node.type in _WRAPPERS:
            pending += reversed(node.named_children)


def _key(source: Source, node: Node) -> tuple[str, Span] | None:
    """What may be there only once of a node, and where it is written."""
    kind = source.language.scopes.get(node.type)
    if kind is ScopeKind.FUNCTION:
        return _header(source, node, kind)
    if node.type not in _KEYS or not node.named_children:
        return None
    if node.type == "variable_declarator" and not _is_constant(node):
        return None
    name = node.child_by_field_name(_KEYS[node.type]) or node.named_children[0]
    if node.type == "import_specifier":
        name = node.named_children[-1]
    where = source.span(name)
    return where.of(source.text).strip("\"'"), where


def _is_constant(declarator: Node) -> bool:
    """Whether a declarator is that of JavaScript's `const` or `let`, with a plain name."""
    name = declarator.child_by_field_name("name")
    around = declarator.parent
    is_plain = name is not None and name.type == "identifier"
    return is_plain and around is not None and around.type == "lexical_declaration"


def _header(source: Source, node: Node, kind: ScopeKind) -> tuple[str, Span] | None:
    """The header of a function with a name and a body, unless another one may have the same."""
    name, around = name_of(node), node.parent
    if name is None or node.child_by_field_name("name") is None or name.text == b"_":
        return None
    above = source.span(around).of(source.text) if around is not None else ""
    if around is not None and around.type == "decorated_definition" and _AGAIN.match(above):
        return None
    header = scope_of(source, node, kind).header
    return alike(header.of(source.text)), header
