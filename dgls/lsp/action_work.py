"""How a code action's gap is laid open and how a fill of it becomes an edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgls.errors import InputError
from dgls.policy.choose import sound_edits
from dgls.protocol import Fill, Gap
from dgls.syntax.cursor import Context
from dgls.syntax.holes import Hole, opened
from dgls.syntax.source import Source
from dgls.text import Edit, Span

HOLE_LINES = 10
"""Most lines of a body that is filled in."""

EXTRA_LINES = 2
"""How many lines a rewritten selection may grow by."""


@dataclass(frozen=True, slots=True)
class Work:
    """One gap under way.

    `opened` is the source with the gap laid open at `gap`. A fill replaces `span` of `source` by
    `lead`, its text and `tail`. It `may_be_cut` to its first lines where more breaks the syntax.
    `strength` is the share of what stands in the gap that may change.
    """

    source: Source
    opened: Source
    gap: Span
    span: Span
    lead: str
    tail: str
    max_lines: int
    may_be_cut: bool
    strength: float = 1.0

    def request_gap(self, context: Context) -> Gap:
        """The gap as the engine is asked to fill it."""
        return Gap(context.gaps[0], self.strength, self.max_lines)

    def best_edit(self, context: Context, candidates: Sequence[Fill]) -> Edit:
        """The edit of the first candidate that says something new and keeps the syntax.

        Raises `InputError` where none does.
        """
        old = self.span.of(self.source.text).strip()
        texts = [context.for_document(fill.texts[0].rstrip()) for fill in candidates]
        edits = [[self._edit(text)] for text in texts if text.strip() not in {"", old}]
        for (edit,) in sound_edits(self.source, edits, may_be_cut=self.may_be_cut, tail=self.tail):
            return edit
        raise InputError("The model has no fill that fits here; the document was left as it is.")

    def _edit(self, text: str) -> Edit:
        return Edit(self.span, self.lead + text + self.tail)


def hole_work(source: Source, hole: Hole) -> Work:
    """The work of filling a hole."""
    laid_open, gap = opened(source, hole)
    lines = HOLE_LINES if hole.multiline else 1
    return Work(source, laid_open, gap, hole.span, hole.lead, hole.tail, lines, may_be_cut=True)


def selection_work(source: Source, span: Span, strength: float) -> Work:
    """The work of rewriting a selection; white space around it stays."""
    selected = span.of(source.text)
    start = span.start + len(selected) - len(selected.lstrip())
    inner = Span(start, start + len(selected.strip()))
    lines = selected.strip().count("\n") + 1 + EXTRA_LINES
    return Work(source, source, inner, inner, "", "", lines, may_be_cut=False, strength=strength)
