"""Opens the gap of a hole or a selection, and turns its fill into an edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dgls.errors import InputError
from dgls.protocol import Fill
from dgls.sound.clean import sound
from dgls.sound.cleaned import Refusal
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.cursor import Context
from dgls.syntax.holes import Hole, opened
from dgls.syntax.source import Source
from dgls.text.spans import Edit, Span, moved_spans

HOLE_LINES = 10
"""The most lines of a filled-in body."""

EXTRA_LINES = 2
"""How many lines longer a rewrite may be than its selection."""


@dataclass(frozen=True, slots=True)
class Work:
    """One gap to fill.

    `opened` is the source with an empty or rewritable gap at `gap`. A fill replaces `span` of
    `source` by `lead`, its text and `tail`. `strength` is the share of the gap's text that may
    change.
    """

    source: Source
    opened: Source
    gap: Span
    span: Span
    lead: str
    tail: str
    max_lines: int
    purpose: Purpose
    strength: float = 1.0

    def best_edit(
        self, context: Context, candidates: Sequence[Fill], present: float | None = None
    ) -> Edit:
        """The edit of the first candidate that is sound here.

        `present` is the score of the text that a rewrite would replace. Raises `InputError` with
        the first candidate's refusal if no candidate is sound.
        """
        wanted = Wanted(self.purpose, self.max_lines, present)
        site = Site.of(self.source, self.span, wanted, self.lead, self.tail)
        reasons: list[Refusal] = []
        for fill in candidates:
            found = sound(site, fill.texts[0], fill.score)
            if found.refusal is None:
                return self.edit(context.for_document(found.text))
            reasons.append(found.refusal)
        why = reasons[0] if reasons else Refusal.EMPTY
        raise InputError(
            f"The model has no fill that fits here ({why.value}); the document was left as it is."
        )

    @property
    def held(self) -> str:
        """The gap's present text."""
        return self.gap.of(self.opened.text)

    def edit(self, text: str) -> Edit:
        """The edit of `source` that puts a text into the gap."""
        return Edit(self.span, self.lead + text + self.tail)


def plain_work(source: Source, gap: Span, lines: int, strength: float = 1.0) -> Work:
    """The work of filling a gap as it is; the share `strength` of its text may change."""
    purpose = Purpose.REWRITE if gap.of(source.text).strip() else Purpose.EXPLICIT
    return Work(source, source, gap, gap, "", "", lines, purpose, strength)


def laid_open(works: Sequence[Work]) -> tuple[Source, tuple[Span, ...]]:
    """The source with every gap opened, and the spans of the gaps in it.

    The works belong to one source and are in order. Raises `PositionError` if they overlap.
    """
    edits = [work.edit(work.held) for work in works]
    gaps = [
        Span(span.start + len(work.lead), span.end - len(work.tail))
        for work, span in zip(works, moved_spans(edits), strict=True)
    ]
    return works[0].source.edited(edits), tuple(gaps)


def hole_work(source: Source, hole: Hole) -> Work:
    """The work of filling a hole."""
    laid_open, gap = opened(source, hole)
    lines = HOLE_LINES if hole.multiline else 1
    return Work(source, laid_open, gap, hole.span, hole.lead, hole.tail, lines, Purpose.HOLE)


def selection_work(source: Source, span: Span, strength: float) -> Work:
    """The work of rewriting a selection; the white space around it stays."""
    selected = span.of(source.text)
    start = span.start + len(selected) - len(selected.lstrip())
    inner = Span(start, start + len(selected.strip()))
    lines = selected.strip().count("\n") + 1 + EXTRA_LINES
    return Work(source, source, inner, inner, "", "", lines, Purpose.REWRITE, strength)
