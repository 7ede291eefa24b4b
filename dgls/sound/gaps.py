"""Judges the answers for several gaps of one document together."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.sound.clean import sound
from dgls.sound.cleaned import Cleaned
from dgls.sound.gap_edit import Work
from dgls.sound.site import Site, Wanted
from dgls.syntax.guard import keeps_syntax
from dgls.text.lines import line_end_of, with_line_ends
from dgls.text.spans import Edit, Span


def judged(
    works: Sequence[Work],
    answers: Sequence[str],
    score: float | None = None,
    present: float | None = None,
) -> tuple[Cleaned, ...]:
    """The sound part of each answer, up to the first answer that is refused.

    The works belong to one source and are in order. Each answer is judged in the document with the
    ones before it; answers that are only sound together are judged together. `score` is that of all
    answers, `present` that of the gaps' present text, which a rewrite must exceed.
    """
    found: list[Cleaned] = []
    now, shift = works[0].source, 0
    for work, answer in zip(works, answers, strict=True):
        here = Span(work.span.start + shift, work.span.end + shift)
        wanted = Wanted(work.purpose, work.max_lines, present)
        found.append(sound(Site.of(now, here, wanted, work.lead, work.tail), answer, score))
        if found[-1].refusal is not None:
            return _judged_together(works, answers) or tuple(found)
        text = with_line_ends(found[-1].text, line_end_of(now.text))
        edit = Edit(here, work.edit(text).text)
        now, shift = now.edited([edit]), shift + len(edit.text) - len(here)
    return tuple(found)


def texts_of(found: Sequence[Cleaned]) -> tuple[str, ...] | None:
    """The texts that `judged` found; None if any was refused."""
    return tuple(each.text for each in found) if all(each.shown for each in found) else None


def _judged_together(works: Sequence[Work], answers: Sequence[str]) -> tuple[Cleaned, ...] | None:
    """The unchanged answers if all of them together keep the syntax and none is empty."""
    edits = [work.edit(answer) for work, answer in zip(works, answers, strict=True)]
    if len(works) > 1 and all(map(str.strip, answers)) and keeps_syntax(works[0].source, edits):
        return tuple(map(Cleaned, answers))
    return None
