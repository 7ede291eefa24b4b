"""Names of Python's `typing` that live in `collections.abc` now: where one moves, others do."""

from __future__ import annotations

import collections.abc
import typing

from dgls.edits.import_order import Form
from dgls.edits.python_imports import Import, Name, imports_of, is_used
from dgls.edits.rules.needed import removed
from dgls.edits.state import State

OLD, NEW = "typing", "collections.abc"

_CALLED_OTHERWISE = frozenset({"Set", "ByteString"})
"""`typing.Set` is `set`; `ByteString` goes from both modules."""

MOVED = frozenset(typing.__all__).intersection(collections.abc.__all__) - _CALLED_OTHERWISE
"""The names that both modules have for the same thing."""


def new_homes(state: State, head: tuple[Import, ...]) -> tuple[list[Name], list[Form]]:
    """The names that `typing` still gives and is to give no more, and the forms to import then.

    Nothing unless the last edit took such a name out of an import of `typing`, the file uses it
    still, and it or another open file has it from the other module. What the user has left in a
    line that they edited stays.
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
    if not any(name in places or _is_usual(state, name) for name in moved):
        return [], []
    gone = [name for name in from_typing if not state.was_edited(name.span)]
    if not gone:
        return [], []
    place = next((places[name] for name in moved if name in places), "")
    bound = {name.bound for each in head if each.module != OLD for name in each.names}
    names = {*moved, *(name.text for name in gone)} - bound
    return gone, [Form(NEW, name, place) for name in sorted(names)]


def _is_usual(state: State, name: str) -> bool:
    """Whether another open file imports a name from the new module, for more than types."""
    return any(
        each.bound == name
        for source in state.others.values()
        for statement in imports_of(source)
        if statement.module == NEW and not statement.place
        for each in statement.names
    )


def _taken_out(state: State) -> list[str]:
    """The names that the last edit took out of an import of `typing`, in the order of letters."""
    before = " ".join(hunk.before for hunk in state.last_hunks)
    return sorted(
        name
        for name, modules in removed(state).items()
        if name in MOVED and OLD in modules and name in before
    )
