"""A name renamed at its declaration: its uses in the scope."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from dgls.edits.change import Run, line_changes
from dgls.edits.state import Offer, State
from dgls.edits.tree import bound_in, declares, is_bound, is_text, node_of, reach
from dgls.edits.uses import is_captured, respelled, uses

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_FEW = 4
_ALIKE = 0.6


def renamed(state: State) -> Iterator[Offer]:
    """The uses that still have the old name, unless another declaration of it is left.

    If lines also changed in other ways, they were probably rewritten, and nothing is offered. The
    same holds if unedited lines of the scope use the new name already, or if an inner function with
    a use declares it. A module-level name with
    many uses and an unrelated new name was replaced, not renamed: the old one still exists.
    """
    fresh = {(run.old, run.new) for change in state.fresh for run in change.runs}
    for hunk in reversed(state.hunks):
        runs = [run for change in line_changes(state.text, hunk) for run in change.runs]
        if not all(_is_name(state, run) for run in runs):
            continue
        for run in runs:
            old, new = run.old[0], run.new[0]
            node = node_of(state.source, run.span)
            scope = reach(node) or bound_in(node)
            if scope is None or (run.old, run.new) not in fresh:
                continue
            others = (*filter(is_bound, uses(scope, old)), *uses(scope, new))
            if not all(state.was_edited(state.source.span(use)) for use in others):
                continue
            found = [use for use in uses(scope, old) if not declares(use, old)]
            if len(found) > _FEW and scope.parent is None and not _are_related(old, new):
                continue
            if any(is_captured(use, scope, new) for use in found):
                continue
            why = f"`{old}` was renamed `{new}`"
            for use in found:
                yield Offer(state.source.span(use), respelled(use, new), "rename", why)


def _is_name(state: State, run: Run) -> bool:
    """Whether one name became another, outside strings and comments."""
    return run.is_rename and not is_text(node_of(state.source, run.span))


def _are_related(old: str, new: str) -> bool:
    """Whether two names have a word or most letters in common."""
    words = [{each.lower() for each in _WORD.findall(name)} for name in (old, new)]
    return bool(words[0] & words[1]) or SequenceMatcher(None, old, new).ratio() >= _ALIKE
