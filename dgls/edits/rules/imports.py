"""The imports after an edit: unused ones, and in Python missing ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from dgls.edits.import_order import Form
from dgls.edits.import_rewrite import new_statements, rewritten
from dgls.edits.python_imports import Import, Name, imports_of, is_used
from dgls.edits.rules.future import future_annotations
from dgls.edits.rules.moved_to_abc import NEW, new_homes
from dgls.edits.rules.needed import list_of, needed, removed
from dgls.edits.rules.unused import unused_import
from dgls.edits.state import Offer, State

_NAMES = re.compile(r"[^\W\d]\w*")
_PASSAGE = 12
"""A passage with this many lines was rewritten, not edited."""


def imports(state: State) -> Iterator[Offer]:
    """The changes to the file's imports after the last edit and those that earlier ones left.

    Empty in `__init__.py` and stubs.
    """
    if state.source.language.id != "python":
        yield from unused_import(state)
        return
    if state.path.endswith(("__init__.py", ".pyi")) or state.source.tree.root_node.has_error:
        return
    head = imports_of(state.source)
    gone = dict(_unused(state, head))
    wanted = needed(state, head)
    moved, forms = new_homes(state, head)
    for name in moved:
        gone.setdefault(name, f"`{name.bound}` comes from `{NEW}` now")
    freed, missing = _due(state, head)
    freed |= {name.bound for name in moved}
    missing |= {form.bound for form in forms}
    wanted |= {form: list_of(state, form, head) for form in forms}
    for statement in head:
        own = {name: gone[name] for name in statement.names if name in gone}
        joined = [form for form in wanted if wanted[form] is statement]
        if any(n.bound in freed for n in own) or any(form.bound in missing for form in joined):
            yield from rewritten(state.source, statement, own, joined)
    rest: list[Form] = [form for form, statement in wanted.items() if statement is None]
    if not any(form.bound in missing for form in rest):
        rest = []
    yield from new_statements(state, head, rest + future_annotations(state, head))


def _unused(state: State, head: tuple[Import, ...]) -> Iterator[tuple[Name, str]]:
    """The names whose last use is gone, or that a new import binds again, with the reason."""
    gone, fresh = _changed(state)
    if not gone and not fresh:
        return
    again = {
        name.bound: each.module or name.text
        for each in head
        if each.place != "nested"
        for name in each.names
        if name.bound in fresh and "." not in name.text and state.was_edited(name.span)
    }
    for each in head:
        if each.is_kept or each.place == "nested" or each.module == "__future__":
            continue
        for name in each.names:
            is_new = name.bound in fresh and state.was_edited(name.span)
            if is_new or name.text == f"{name.bound} as {name.bound}":
                continue
            if name.bound in gone and not is_used(state.source, name.bound):
                yield name, f"`{name.bound}` is no longer used"
            elif name.bound in again and "." not in name.text:
                yield name, f"`{name.bound}` comes from `{again[name.bound]}` now"


def _changed(state: State) -> tuple[set[str], set[str]]:
    """The names that edits removed from lines, and those that they added.

    Names in a long passage that was replaced may only have moved.
    """
    gone, fresh = set[str](), set[str]()
    for hunk in state.hunks:
        old = set(_NAMES.findall(_code(hunk.before)))
        new = set(_NAMES.findall(_code(hunk.after(state.text))))
        gone |= old - new if not hunk.span or hunk.before.count("\n") < _PASSAGE else set()
        fresh |= new - old
    return gone, fresh


def _due(state: State, head: tuple[Import, ...]) -> tuple[set[str], set[str]]:
    """The names whose import the last edit may have freed, and those that it may now need."""
    lost, gained, hunks = set[str](), set[str](), state.last_hunks
    for hunk in hunks:
        old, new = (Counter(_NAMES.findall(text)) for text in (hunk.before, hunk.after(state.text)))
        lost |= (old - new).keys()
        gained |= (new - old).keys()
    written = {
        name.bound
        for each in head
        for name in each.names
        if any(hunk.span.start <= name.span.start < hunk.span.end for hunk in hunks)
    }
    return lost | written, gained | (lost & removed(state, hunks).keys())


def _code(text: str) -> str:
    """The text without comments and entries of `__all__`, which are sometimes just sorted."""
    return re.sub(r"#.*|(?m:^\s*[\"']\w+[\"'],?$)", "", text)
