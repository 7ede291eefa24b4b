"""A word that was replaced by the same one in two lines: the other lines that have it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from dgls.edits.change import LineChange, tokens
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, node_of, reach
from dgls.text.lines import split_lines
from dgls.text.spans import Span

_LETTERS = 4
"""Of a word that says enough without the line around it."""

_TIMES = 2


def same_word(state: State) -> Iterator[Offer]:
    """Each line with a word that went from two lines, where nothing else of these changed.

    Not where an edit kept the word or replaced it otherwise, nor where it is a type, which others
    may keep, nor where it was declared: there its scope says where it is used.
    """
    pairs = Counter(pair for change in state.changes if (pair := _pair(change)))
    for old, new in {pair for change in state.fresh if (pair := _pair(change))}:
        if len(old) < _LETTERS or pairs[old, new] < _TIMES or _is_kept(state, old):
            continue
        if sum(word == old for word, _ in pairs) > 1 or _is_declared(state, old, new):
            continue
        start = 0
        for line in split_lines(state.text, keepends=True):
            own = Span(start, start + len(line))
            start = own.end
            if old in line and old in tokens(line) and not state.was_edited(own):
                text = re.sub(rf"(?<!\w){old}(?!\w)", new, line.rstrip("\r\n"))
                span = Span(own.start, own.start + len(line.rstrip("\r\n")))
                yield Offer(span, text, "word", f"`{old}` was replaced by `{new}` twice")


def _pair(change: LineChange) -> tuple[str, str] | None:
    """The word that changed in a line and the new one; None where more changed."""
    found = {(run.old[0], run.new[0]) for run in change.runs if run.is_rename}
    return found.pop() if len(found) == 1 and all(r.is_rename for r in change.runs) else None


def _is_kept(state: State, old: str) -> bool:
    return any(old in tokens(hunk.after(state.text)) for hunk in state.hunks)


def _is_declared(state: State, old: str, new: str) -> bool:
    """Whether one of the replaced words is a declared name or in a type."""
    nodes = [
        node_of(state.source, run.span)
        for change in state.changes
        if _pair(change) == (old, new)
        for run in change.runs
    ]
    in_type = any("type" in each.type for node in nodes for each in (node, *list(above(node))[:3]))
    return in_type or any(reach(node) is not None for node in nodes)
