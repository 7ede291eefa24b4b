"""The baseline: simple rules that read lines and use no syntax tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from dgls.edits.change import LineChange, similarity, tokens
from dgls.edits.hunk import Hunk
from dgls.edits.rules.blocks import same_lines
from dgls.edits.rules.imports import imports
from dgls.edits.rules.types import same_form
from dgls.edits.rules.unused import LINES, count, unused_line, words_gone
from dgls.edits.state import Offer, State
from dgls.edits.transfer import applied
from dgls.text.lines import split_lines
from dgls.text.spans import Span

SAME_SHAPE = 0.9
RENAME_LETTERS = 6
RENAME_SHAPE = 0.5

_PYTHON = re.compile(r"(?m)^(?:import (?P<name>\w+)|from [\w.]+ import (?P<from>\w+))[ \t]*\n")
_PYTHON_FROM = re.compile(r"(?m)^from [\w.]+ import (?P<names>\w+(?:, \w+)+)[ \t]*$")


def careful(state: State) -> tuple[Offer, ...]:
    """The same edit on very similar lines, long names elsewhere, and unused imports."""
    return tuple(_offers(state, SAME_SHAPE, RENAME_LETTERS, RENAME_SHAPE))


def every_match(state: State) -> tuple[Offer, ...]:
    """All that rules could write: the same wherever they match, imports, types and blocks."""
    ever = _Ever(state.source, state.hunks, state.others, state.path)
    exact = (*imports(ever), *same_form(ever), *same_lines(ever))
    return (*exact, *_offers(state, 0.0, 1, 0.0))


class _Ever(State):
    """A state in which no offer was passed over."""

    @cached_property
    def last_hunks(self) -> tuple[Hunk, ...]:
        """All hunks."""
        return self.hunks


def _offers(state: State, shape: float, letters: int, rename: float) -> Iterator[Offer]:
    yield from _unused_import(state)
    start, taken = 0, set()
    for line in split_lines(state.text, keepends=True):
        span, start = Span(start, start + len(line.rstrip("\r\n"))), start + len(line)
        if state.was_edited(span):
            continue
        for change in reversed(state.changes):
            found = _rewritten(change, line, shape, letters, rename)
            if (
                found is not None
                and (span, found[1]) not in taken
                and (shape == 0 or span not in taken)
            ):
                taken |= {span, (span, found[1])}
                yield Offer(span, found[1], found[0], "")


def _rewritten(
    change: LineChange, line: str, shape: float, letters: int, rename: float
) -> tuple[str, str] | None:
    now, runs = tokens(line), change.runs
    if not {token for run in runs for token in run.old} <= set(now):
        return None
    if runs and all(run.is_rename and run.old == runs[0].old for run in runs):
        old, new = runs[0].old[0], runs[0].new[0]
        if len(old) >= letters and _alike(change, now, rename):
            return "rename", "".join(new if token == old else token for token in now)
    text = applied(change, line)
    return ("shape", text) if text is not None and _alike(change, now, shape) else None


def _alike(change: LineChange, now: tuple[str, ...], least: float) -> bool:
    return least == 0 or similarity(change.old, now) >= least


def _unused_import(state: State) -> Iterator[Offer]:
    is_python = state.source.language.id == "python"
    pattern = _PYTHON if is_python else LINES.get(state.source.language.id)
    if pattern is None or state.path.endswith("__init__.py"):
        return
    yield from unused_line(state, pattern)
    gone = words_gone(state)
    if not is_python or not gone:
        return
    for found in _PYTHON_FROM.finditer(state.text):
        names = found["names"].split(", ")
        unused = [name for name in names if name in gone and count(state.text, name) == 1]
        if unused and len(unused) < len(names):
            left = ", ".join(name for name in names if name not in unused)
            yield Offer(Span(found.start("names"), found.end("names")), left, "import", "")
