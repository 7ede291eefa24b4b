"""A name that was renamed where it is declared: its uses in its scope."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from dgls.edits.change import line_changes
from dgls.edits.state import Offer, State
from dgls.edits.tree import declares, node_of, reach, uses


def renamed(state: State) -> Iterator[Offer]:
    """The uses that still have the old name, unless another declaration of it is left.

    Lines that changed otherwise too were perhaps rewritten, and nothing was renamed. Nor was it
    where the scope uses the new name already, in lines that were not edited.
    """
    for old, new, node in renames(state):
        scope = reach(node)
        if scope is None:
            continue
        declared = (use for use in uses(scope, old) if reach(use) is not None)
        if any(
            not state.was_edited(state.source.span(use)) for use in (*declared, *uses(scope, new))
        ):
            continue
        for use in uses(scope, old):
            if not declares(use, old):
                yield Offer(state.source.span(use), new, "rename", f"`{old}` was renamed `{new}`")


def renames(state: State) -> Iterator[tuple[str, str, Node]]:
    """The old and new name and the node of each name that replaced another, the newest first.

    Of lines where nothing else changed, and of names that the newest edit has replaced too.
    """
    fresh = {(run.old, run.new) for change in state.fresh for run in change.runs}
    for hunk in reversed(state.hunks):
        runs = [run for change in line_changes(state.text, hunk) for run in change.runs]
        for run in runs if all(run.is_rename for run in runs) else ():
            if (run.old, run.new) in fresh:
                yield run.old[0], run.new[0], node_of(state.source, run.span)
