"""A name that was renamed where it is declared: its uses in its scope."""

from __future__ import annotations

from collections.abc import Iterator

from dgls.edits.change import line_changes
from dgls.edits.state import Offer, State
from dgls.edits.tree import declares, node_of, reach, uses


def renamed(state: State) -> Iterator[Offer]:
    """The uses that still have the old name, unless another declaration of it is left.

    Lines that changed otherwise too were perhaps rewritten, and nothing was renamed. Nor was it
    where the scope uses the new name already, in lines that were not edited.
    """
    fresh = {(run.old, run.new) for change in state.fresh for run in change.runs}
    for hunk in reversed(state.hunks):
        runs = [run for change in line_changes(state.text, hunk) for run in change.runs]
        for run in runs if all(run.is_rename for run in runs) else ():
            old, new = run.old[0], run.new[0]
            scope = reach(node_of(state.source, run.span))
            if scope is None or (run.old, run.new) not in fresh:
                continue
            declared = (use for use in uses(scope, old) if reach(use) is not None)
            if any(
                not state.was_edited(state.source.span(use))
                for use in (*declared, *uses(scope, new))
            ):
                continue
            for use in uses(scope, old):
                if not declares(use, old):
                    yield Offer(
                        state.source.span(use), new, "rename", f"`{old}` was renamed `{new}`"
                    )
