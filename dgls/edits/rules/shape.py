"""The same edit on a line of the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise

from dgls.edits.change import NAME, LineChange, similarity, tokens
from dgls.edits.state import Offer, State
from dgls.edits.tree import above, function_of, is_text, node_of, text_of
from dgls.text.spans import Span

LEAST_ALIKE = 0.8
"""Similarity of a line to the edited one, from which on its edit is offered there."""

SIBLING_ALIKE = 0.6
"""The same for a line beside two that were edited so."""

LEAST_TOKENS = 6
_FAR = 4_000
"""Lines that are looked at."""


def same_edit(state: State) -> Iterator[Offer]:
    """The lines to which an edit of a line can be done in the same words."""
    seen: dict[tuple[object, ...], int] = {}
    for change in state.changes:
        key = _key(change)
        seen[key] = seen.get(key, 0) + 1
    lines, texts = list(_other_lines(state)), dict[Span, set[str]]()
    found: dict[Span, Offer] = {}
    for change in filter(_says_code, reversed(state.changes)):
        needed, most = _neighbours(change), 2 * len(change.old) / SIBLING_ALIKE
        for span, line, words in lines:
            if not needed <= words or len(tokens(line)) > most:
                continue
            text = applied(change, line)
            if text is None:
                continue
            texts.setdefault(span, set()).add(text)
            if span not in found and _is_sure(state, change, span, line, seen[_key(change)]):
                why = f"same edit as in line {line_number(state.text, change.span.start)}"
                end = span.start + len(line.rstrip("\r\n"))
                found[span] = Offer(Span(span.start, end), text, "shape", why)
    # Where two edits fit, neither is sure.
    yield from (offer for span, offer in found.items() if len(texts[span]) == 1)


def _says_code(change: LineChange) -> bool:
    """Whether more than indentation, spaces or a comment changed."""
    changed = [token for run in change.runs for token in (*run.old, *run.new)]
    return any(not token.isspace() for token in changed) and "#" not in changed


def _other_lines(state: State) -> Iterator[tuple[Span, str, frozenset[str]]]:
    """The lines that the user has not edited, with their tokens."""
    start = 0
    for line in state.text.splitlines(keepends=True)[:_FAR]:
        span, start = Span(start, start + len(line)), start + len(line)
        if line.strip() and not state.was_edited(span):
            yield span, line, frozenset(tokens(line))


def applied(change: LineChange, line: str) -> str | None:
    """The line after the edit; None where what surrounds it differs."""
    now = tokens(line)
    if not _neighbours(change) <= set(now):
        return None
    spots: dict[int, int] = {}
    for match in SequenceMatcher(None, change.old, now, autojunk=False).get_matching_blocks():
        spots |= {match.a + i: match.b + i for i in range(match.size)}
    spots[-1], spots[len(change.old)] = -1, len(now)
    out, done = [], 0
    for run in change.runs:
        end = len(change.old) - run.right
        left, right = spots.get(run.left - 1), spots.get(end)
        if left is None or right is None or now[left + 1 : right] != run.old:
            return None
        out += [*now[done : left + 1], *run.new]
        done = right
    text = "".join([*out, *now[done:]])
    return text if text != "".join(now) else None


def _neighbours(change: LineChange) -> set[str]:
    """The tokens that a line must have: what is replaced, and what is beside it."""
    old, needed = change.old, set[str]()
    for run in change.runs:
        end = len(old) - run.right
        needed |= {*run.old, *old[max(0, run.left - 1) : run.left], *old[end : end + 1]}
    return needed


def line_number(text: str, offset: int) -> int:
    """The number of a line, from 1."""
    return text.count("\n", 0, offset) + 1


def _key(change: LineChange) -> tuple[object, ...]:
    return tuple((run.old, run.new) for run in change.runs)


def _is_sure(state: State, change: LineChange, span: Span, line: str, agreed: int) -> bool:
    now = tokens(line)
    alike = similarity(change.old, now)
    if alike < SIBLING_ALIKE:
        return False
    inserts = any(not run.old for run in change.runs)
    if inserts and _called(change.old) != _called(now):
        return False
    here = Span(span.start + len(line) - len(line.lstrip()), span.start + len(line.rstrip()))
    text = change.span.of(state.text)
    indent = len(text) - len(text.lstrip())
    there = Span(change.span.start + indent, change.span.end)
    if "await" in "".join(token for run in change.runs for token in run.new):
        function = function_of(node_of(state.source, here))
        return function is not None and "async" in text_of(function).split("\n", 1)[0]
    if inserts and agreed < 2:
        return False
    informative = sum(not token.isspace() for token in now) >= LEAST_TOKENS
    siblings = _block(state, here) == _block(state, there)
    renames = all(run.is_rename for run in change.runs)
    if renames and not siblings and agreed < 2:
        return False
    if renames and is_text(node_of(state.source, change.runs[0].span)) and agreed < 2:
        return False
    return (siblings and agreed > 1) or (alike >= LEAST_ALIKE and informative)


def _block(state: State, span: Span) -> int:
    """What holds a line: the start of the node around the line's own one."""
    node = node_of(state.source, Span(span.start, span.start + 1))
    line = line_number(state.text, span.start) - 1
    for each in above(node):
        if each.start_point[0] < line:
            return each.start_byte
    return -1


def _called(line: tuple[str, ...]) -> list[str]:
    """The names in a line that an opening bracket follows."""
    return [one for one, other in pairwise(line) if other == "(" and NAME.match(one)]
