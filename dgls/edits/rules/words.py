"""A word replaced by the same new word in two lines: the other lines that have it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tree_sitter import Node

from dgls.edits.change import LineChange
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, is_bound, is_text, node_of
from dgls.text.spans import Span

_LETTERS = 4
"""The fewest letters of a word that is distinctive without its line."""

_TIMES = 2


def same_word(state: State) -> Iterator[Offer]:
    """The other places of a word that was replaced in two lines where nothing else changed.

    If it was replaced in strings or comments, those are searched; if in code, code without imports.
    Nothing is offered if an edit kept the word or replaced it differently, if it is a type, which
    other places may keep, or if it is or was declared, because then its scope tells where it is
    used.
    """
    pairs = Counter(pair for change in state.changes if (pair := _pair(change)))
    for old, new in {pair for change in state.fresh if (pair := _pair(change))}:
        if len(old) < _LETTERS or pairs[old, new] < _TIMES:
            continue
        if sum(word == old for word, _ in pairs) > 1 or _is_kept(state, old):
            continue
        nodes = list(_edited(state, old, new))
        if any(is_bound(node) or _is_within(node, "type", 4) for node in nodes):
            continue
        kinds = {is_text(node) for node in nodes}
        places = [Span(*found.span()) for found in re.finditer(rf"\b{old}\b", state.text)]
        found = {span: node_of(state.source, span) for span in places}
        if any(map(is_bound, found.values())):
            continue
        for span, node in found.items():
            if is_text(node) in kinds and not _is_within(node, "import", 4):
                yield Offer(span, new, "word", f"`{old}` was replaced by `{new}` twice")


def _pair(change: LineChange) -> tuple[str, str] | None:
    """The word that changed in a line and its replacement; None if more changed."""
    found = {(run.old[0], run.new[0]) for run in change.runs if run.is_rename}
    return found.pop() if len(found) == 1 and all(r.is_rename for r in change.runs) else None


def _is_kept(state: State, old: str) -> bool:
    return any(re.search(rf"\b{old}\b", hunk.after(state.text)) for hunk in state.hunks)


def _edited(state: State, old: str, new: str) -> Iterator[Node]:
    """The nodes where the word was replaced."""
    for change in state.changes:
        if _pair(change) == (old, new):
            yield from (node_of(state.source, run.span) for run in change.runs)


def _is_within(node: Node, kind: str, levels: int) -> bool:
    return any(kind in each.type for each in [node, *above(node)][:levels])
