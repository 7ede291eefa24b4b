"""A word that was replaced by the same one in two lines: the other lines that have it."""

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
"""Of a word that says enough without the line around it."""

_TIMES = 2


def same_word(state: State) -> Iterator[Offer]:
    """The places of a word that went from two lines, where nothing else of these changed.

    In texts where it was in texts, in code where it was in code, and not in imports. Nothing where
    an edit kept the word or replaced it otherwise, where it is a type, which others may keep, and
    where it is or was declared: there its scope says where it is used.
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
    """The word that changed in a line and the new one; None where more changed."""
    found = {(run.old[0], run.new[0]) for run in change.runs if run.is_rename}
    return found.pop() if len(found) == 1 and all(r.is_rename for r in change.runs) else None


def _is_kept(state: State, old: str) -> bool:
    return any(re.search(rf"\b{old}\b", hunk.after(state.text)) for hunk in state.hunks)


def _edited(state: State, old: str, new: str) -> Iterator[Node]:
    """Where the word was replaced."""
    for change in state.changes:
        if _pair(change) == (old, new):
            yield from (node_of(state.source, run.span) for run in change.runs)


def _is_within(node: Node, kind: str, levels: int) -> bool:
    return any(kind in each.type for each in [node, *above(node)][:levels])
