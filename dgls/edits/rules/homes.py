"""Names of Python's `typing` that live in `collections.abc` now: where one moves, others do."""

from __future__ import annotations

import collections.abc
import typing

from dgls.edits.import_order import Form
from dgls.edits.python_imports import Import, Name, is_used
from dgls.edits.rules.needed import removed
from dgls.edits.state import State

OLD, NEW = "typing", "collections.abc"

_CALLED_OTHERWISE = frozenset({"Set", "ByteString"})
"""`typing.Set` is `set`; `ByteString` goes from both modules."""

MOVED = frozenset(typing.__all__).intersection(collections.abc.__all__) - _CALLED_OTHERWISE
"""The names that both modules have for the same thing."""


def new_homes(state: State, head: tuple[Import, ...]) -> dict[Name, Form]:
    """The names that `typing` still gives, each with its new form.

    Nothing unless the last edit took such a name out of an import of `typing`, and the file uses
    it still. What the user has left in a line that they edited stays.
    """
    places = {
        name.bound: each.place for each in head if each.module == NEW for name in each.names
    }
    from_typing = [
        name
        for each in head
        if each.module == OLD and not each.place and not each.is_kept
        for name in each.names
        if name.text in MOVED
    ]
    left = {name.text for name in from_typing}
    moved = [name for name in _taken_out(state) if name not in left and is_used(state.source, name)]
    if not moved:
        return {}
    place = next((places[name] for name in moved if name in places), "")
    return {
        name: Form(NEW, name.text, place)
        for name in from_typing
        if not state.was_edited(name.span)
    }


def _taken_out(state: State) -> list[str]:
    """The names that the last edit took out of an import of `typing`, in the order of letters."""
    before = " ".join(hunk.before for hunk in state.last_hunks)
    return sorted(
        name
        for name, modules in removed(state).items()
        if name in MOVED and OLD in modules and name in before
    )
