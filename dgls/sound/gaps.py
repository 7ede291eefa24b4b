"""Answers for several gaps of one document, each sound beside the others."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.sound.clean import sound
from dgls.sound.site import Site, Wanted
from dgls.syntax.guard import keeps_syntax
from dgls.syntax.source import Source
from dgls.text.lines import line_end_of, with_line_ends
from dgls.text.spans import Edit, Span


def sound_texts(
    source: Source,
    gaps: Sequence[Span],
    wanted: Sequence[Wanted],
    answers: Sequence[str],
    score: float | None = None,
) -> tuple[str, ...] | None:
    """What of each answer may be put into its gap; None where one is refused.

    The gaps are ordered. Each answer is judged in the document that has the ones before it; one
    that only several answers together make sound is judged with them. `score` is that of all.
    """
    texts: list[str] = []
    now, shift = source, 0
    for gap, want, answer in zip(gaps, wanted, answers, strict=True):
        here = Span(gap.start + shift, gap.end + shift)
        found = sound(Site.of(now, here, want), answer, score)
        if found.refusal is not None:
            return _together(source, gaps, answers)
        texts.append(found.text)
        edit = Edit(here, with_line_ends(found.text, line_end_of(source.text)))
        now, shift = now.edited([edit]), shift + len(edit.text) - len(gap)
    return tuple(texts)


def _together(
    source: Source, gaps: Sequence[Span], answers: Sequence[str]
) -> tuple[str, ...] | None:
    """The answers as they are, where all of them together keep the syntax and none is empty."""
    edits = [Edit(gap, answer) for gap, answer in zip(gaps, answers, strict=True)]
    if len(gaps) > 1 and all(map(str.strip, answers)) and keeps_syntax(source, edits):
        return tuple(answers)
    return None
