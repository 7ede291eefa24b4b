"""Names of Python's `typing` that are in `collections.abc` now: if one moves, others do."""

from __future__ import annotations

import collections.abc
import typing

from dgls.edits.import_order import Form
from dgls.edits.python_imports import Import, Name, imports_of, is_used
from dgls.edits.rules.needed import removed
from dgls.edits.state import State

OLD, NEW = "typing", "collections.abc"

_CALLED_OTHERWISE = frozenset({"Set", "ByteString"})
"""`typing.Set` is `set`; `ByteString` is removed from both modules."""

MOVED = frozenset(typing.__all__).intersection(collections.abc.__all__) - _CALLED_OTHERWISE
"""The names that mean the same in both modules."""


def new_homes(state: State, head: tuple[Import, ...]) -> tuple[list[Name], list[Form]]:
    """The names to remove from imports of `typing`, and the forms to import instead.

    Empty unless the last edit removed such a name from an import of `typing`, the file still uses
    it, and this or another open file imports it from the new module. Names that the user left in an
    edited line stay.
    """
    places = {name.bound: each.place for each in head if each.module == NEW for name in each.names}
    from_typing = [
        name
        for each in head
        if each.module == OLD and not each.place and not each.is_kept
        for name in each.names
        if name.text in MOVED
    ]
    left = {name.text for name in from_typing}
    moved = [name for name in _taken_out(state) if name not in left and is_used(state.source, name)]
    if not any(name in places or _is_imported_elsewhere(state, name) for name in moved):
        return [], []
    gone = [name for name in from_typing if not state.was_edited(name.span)]
    if not gone:
        return [], []
    place = next((places[name] for name in moved if name in places), "")
    bound = {name.bound for each in head if each.module != OLD for name in each.names}
    names = {*moved, *(name.text for name in gone)} - bound
    return gone, [Form(NEW, name, place) for name in sorted(names)]


def _is_imported_elsewhere(state: State, name: str) -> bool:
    """Whether another open file imports a name from the new module, not only for types."""
    return any(
        each.bound == name
        for source in state.others.values()
        for statement in imports_of(source)
        if statement.module == NEW and not statement.place
        for each in statement.names
    )


def _taken_out(state: State) -> list[str]:
    """The names that the last edit removed from an import of `typing`, sorted."""
    before = " ".join(hunk.before for hunk in state.last_hunks)
    return sorted(
        name
        for name, modules in removed(state, state.hunks).items()
        if name in MOVED and OLD in modules and name in before
    )
