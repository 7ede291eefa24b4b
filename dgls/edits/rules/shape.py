"""The same edit on a line of the same shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from dgls.edits.change import NAME, LineChange, similarity, tokens
from dgls.edits.judge import MIN_CHANCE, Evidence, chance
from dgls.edits.state import Offer, State
from dgls.edits.transfer import Pattern, applied, neighbours
from dgls.edits.tree import (
    above,
    begins_in_text,
    binds,
    function_of,
    is_bound,
    is_function,
    node_of,
    reach,
    text_of,
    walk,
)
from dgls.text.lines import split_lines
from dgls.text.spans import Span

MIN_ALIKE = 0.6
"""The lowest similarity to the edited line at which a line is considered."""

ALIKE_ELSEWHERE = 0.8
ALIKE_TO_INSERT = 0.9
FEWEST_TOKENS = 6
_CLAUSES = frozenset({"except_clause", "for_statement", "with_statement"})
"""Statements that bind a name for their body."""

_FAR = 4_000
"""The most lines that are considered."""


def same_edit(state: State) -> Iterator[Offer]:
    """The lines to which a line's edit applies with the same tokens, where that is likely.

    After an edit of code only code is considered, after one of a string or a comment only those.
    """
    alike: dict[object, list[LineChange]] = {}
    for each in state.changes:
        alike.setdefault(_key(each), []).append(each)
    texts: dict[Span, set[str]] = {}
    found: dict[Span, tuple[float, Offer]] = {}
    lines = list(_other_lines(state))
    for change in {_key(each): each for each in filter(_changes_code, state.fresh)}.values():
        places, pattern = list(_places(change, lines)), Pattern(alike[_key(change)])
        for span, text, line in places:
            texts.setdefault(span, set()).add(text)
            sure = chance(_evidence(change, line, pattern, len(places)))
            if sure < max(MIN_CHANCE, found.get(span, (0.0,))[0]):
                continue
            if _is_possible(state, change, span, line, pattern.agreed):
                why = f"same edit as in line {line_number(state.text, change.span.start)}"
                found[span] = sure, Offer(span, text, "shape", why)
    # Where two edits fit, neither is certain.
    yield from (offer for span, (_, offer) in found.items() if len(texts[span]) == 1)


def _places(
    change: LineChange, lines: list[tuple[Span, str, frozenset[str]]]
) -> Iterator[tuple[Span, str, str]]:
    """Where an edit applies: the line's span without its end, and its old and new text."""
    needed, most = neighbours(change), 2 * len(change.old) / MIN_ALIKE
    for span, line, words in lines:
        if needed <= words and len(tokens(line)) <= most:
            text = applied(change, line)
            if text is not None:
                yield Span(span.start, span.start + len(line.rstrip("\r\n"))), text, line


def _changes_code(change: LineChange) -> bool:
    """Whether more than indentation, spaces or a comment changed."""
    changed = [token for run in change.runs for token in (*run.old, *run.new)]
    return any(not token.isspace() for token in changed) and "#" not in changed


def _other_lines(state: State) -> Iterator[tuple[Span, str, frozenset[str]]]:
    """The lines that the user did not edit, with their tokens."""
    start = 0
    for line in split_lines(state.text, keepends=True)[:_FAR]:
        span, start = Span(start, start + len(line)), start + len(line)
        if line.strip() and not state.was_edited(span):
            yield span, line, frozenset(tokens(line))


def line_number(text: str, offset: int) -> int:
    """The number of a line, from 1."""
    return text.count("\n", 0, offset) + 1


def _key(change: LineChange) -> tuple[object, ...]:
    return tuple((run.old, run.new) for run in change.runs)


def _evidence(change: LineChange, line: str, pattern: Pattern, places: int) -> Evidence:
    """The evidence for one of `places` places."""
    return Evidence(
        around=pattern.around(line),
        agreed=pattern.agreed,
        inserts=any(not run.old for run in change.runs),
        deletes=all(not run.new for run in change.runs),
        replaced=sum(not token.isspace() for run in change.runs for token in run.old),
        added=sum(not token.isspace() for run in change.runs for token in run.new),
        places=places,
    )


def _is_possible(state: State, change: LineChange, span: Span, line: str, agreed: int) -> bool:
    """Whether nothing rules a place out."""
    here, there = _within(span.start, line), _within(change.span.start, change.span.of(state.text))
    if begins_in_text(state.source, here.start) != begins_in_text(state.source, there.start):
        return False
    siblings = _block(state, here) == _block(state, there)
    if not _is_plausible(change, tokens(line), agreed, siblings=siblings):
        return False
    if "await" in "".join(token for run in change.runs for token in run.new):
        function = function_of(node_of(state.source, here))
        if function is None or "async" not in text_of(function).split("\n", 1)[0]:
            return False
    if not _has_names(state, change, there, here) or _breaks(state, change, here):
        return False
    return not _is_declared(state, change)


def _within(start: int, line: str) -> Span:
    """The span of a line without the white space at its ends."""
    return Span(start + len(line) - len(line.lstrip()), start + len(line.rstrip()))


def _is_plausible(change: LineChange, now: tuple[str, ...], agreed: int, *, siblings: bool) -> bool:
    """Whether a place is worth a guess; a short or vaguely similar line needs two others."""
    alike, inserts = similarity(change.old, now), any(not run.old for run in change.runs)
    if alike < MIN_ALIKE or (inserts and _called(change.old) != _called(now)):
        return False
    if alike < 1 and _keeps_name(change):
        return False
    if agreed > 1 and siblings:
        return True
    if alike < ALIKE_ELSEWHERE or sum(not token.isspace() for token in now) < FEWEST_TOKENS:
        return False
    return not inserts or agreed > 1 or alike >= ALIKE_TO_INSERT


def _is_declared(state: State, change: LineChange) -> bool:
    """Whether a name was renamed at its declaration; then its scope tells where it is used."""
    return any(
        run.is_rename and reach(node_of(state.source, run.span)) is not None for run in change.runs
    )


def _has_names(state: State, change: LineChange, edited: Span, place: Span) -> bool:
    """Whether new names that are local to the edited function also exist at the place.

    Names that the edited line binds are new there as well.
    """
    own = function_of(node_of(state.source, edited))
    other = function_of(node_of(state.source, place))
    if own is None or own == other:
        return True
    new = {token for run in change.runs for token in run.new if NAME.match(token)}
    new -= {token for run in change.runs for token in run.old}
    new -= {
        r.new[0] for r in change.runs if r.is_rename and is_bound(node_of(state.source, r.span))
    }
    return all(other is not None and binds(other, n) for n in new if binds(own, n))


def _keeps_name(change: LineChange) -> bool:
    """Whether a replaced name is still in the line, so that it is unclear which one to replace."""
    left = Counter(change.old)
    left.subtract(token for run in change.runs for token in run.old)
    return any(run.is_rename and left[run.old[0]] for run in change.runs)


def _breaks(state: State, change: LineChange, place: Span) -> bool:
    """Whether the edit would break a binding at the place.

    It does if it removes a name that is bound there and used elsewhere, or a name whose binding
    around the place stays.
    """
    gone = {token for run in change.runs for token in run.old if NAME.match(token)}
    gone -= {token for run in change.runs for token in run.new}
    around = list(above(node_of(state.source, place)))
    function = next(filter(is_function, around), None)
    if function is None or not gone:
        return False
    for node in walk(function):
        if node.type == "identifier" and text_of(node) in gone and is_bound(node):
            span = state.source.span(node)
            if state.was_edited(span):
                continue
            if place.start <= span.start and span.end <= place.end:
                return len(re.findall(rf"\b{text_of(node)}\b", text_of(function))) > 1
            if any(each.type in _CLAUSES and _holds(each, node) for each in around):
                return True
    return False


def _holds(clause: Node, node: Node) -> bool:
    return clause.start_byte <= node.start_byte and node.end_byte <= clause.end_byte


def _block(state: State, span: Span) -> int:
    """The block of a line: the start of the node around the line's own node."""
    node = node_of(state.source, Span(span.start, span.start + 1))
    line = line_number(state.text, span.start) - 1
    for each in above(node):
        if each.start_point[0] < line:
            return each.start_byte
    return -1


def _called(line: tuple[str, ...]) -> list[str]:
    """The names in a line before an opening bracket."""
    return [one for one, other in pairwise(line) if other == "(" and NAME.match(one)]
