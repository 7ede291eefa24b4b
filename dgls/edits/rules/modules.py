"""A module changed in one import: the other imports of the same names from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from dgls.edits.import_order import parts_of
from dgls.edits.state import Offer, State
from dgls.edits.tree import text_of, walk
from dgls.syntax.source import Source
from dgls.text.spans import Span

_MODULES = {"import_from_statement": "module_name", "import_statement": "source"}
"""The field that names the module: in Python, and in JavaScript and TypeScript."""


@dataclass(frozen=True, slots=True)
class _From:
    """Names imported from a module; `span` is that of the module."""

    module: str
    names: frozenset[str]
    span: Span


def moved_module(state: State) -> Iterator[Offer]:
    """The new module in other imports of the moved names, in this and other open files.

    A relative module means the same only in files of one folder.
    """
    here = parts_of(state.path)[:-1]
    for old, new in _moves(state):
        why = f"`{'`, `'.join(sorted(new.names))}` moved to {new.module}"
        for path, source in {"": state.source, **state.others}.items():
            is_near = not path or parts_of(path)[:-1] == here
            if old.module not in source.text or (_is_relative(old, new) and not is_near):
                continue
            for each in _imports(source):
                edited = not path and state.was_edited(each.span)
                if each.module == old.module and each.names <= new.names and not edited:
                    yield Offer(each.span, new.module, "module", why, path)


def _moves(state: State) -> Iterator[tuple[_From, _From]]:
    """The edited imports of the same names, with their old and new modules."""
    for hunk in state.hunks:
        if "import" not in hunk.before:
            continue
        before = list(_imports(Source.parse(hunk.before, state.source.language)))
        if not before:
            continue
        for new in _imports(state.source):
            if hunk.span.start <= new.span.start and new.span.end <= hunk.span.end:
                old = [each for each in before if each.names == new.names]
                if len(old) == 1 and old[0].module != new.module:
                    yield old[0], new


def _imports(source: Source) -> Iterator[_From]:
    for node in source.tree.root_node.children:
        module = node.child_by_field_name(_MODULES.get(node.type, "-"))
        names = frozenset(_names(node))
        if module is not None and names:
            yield _From(text_of(module), names, source.span(module))


def _names(statement: Node) -> Iterator[str]:
    if statement.type == "import_from_statement":
        for each in statement.children_by_field_name("name"):
            yield text_of(each.child_by_field_name("name") or each)
    elif statement.type == "import_statement":
        for each in walk(statement):
            if each.type == "import_specifier":
                yield text_of(each.child_by_field_name("name"))
            elif each.type in {"import_clause", "namespace_import"} and any(
                child.type == "identifier" for child in each.children
            ):
                yield "*"


def _is_relative(old: _From, new: _From) -> bool:
    return any(each.module.lstrip("\"'").startswith(".") for each in (old, new))
