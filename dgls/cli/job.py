"""The gaps that the places on a command line mean, for `dgls fill` and `dgls why`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgls.cli.target import SourceFile, Target, cursor, parse_target, parsed_source, selection
from dgls.errors import InputError
from dgls.protocol import Fill
from dgls.text.lines import line_around
from dgls.text.spans import Edit, Span, apply_edits

if TYPE_CHECKING:
    from dgls.config import FillSettings
    from dgls.requests.builder import Task
    from dgls.sound.cleaned import Cleaned
    from dgls.sound.gap_edit import Work
    from dgls.syntax.source import Source


@dataclass(frozen=True)
class Asked:
    """The places and selections of a command line, and the most lines of a gap.

    Without `lines` a gap gets one, and a hole as many as in an editor.
    """

    places: Sequence[str]
    selections: Sequence[str] = ()
    lines: int | None = None
    strength: float = 1.0
    language: str | None = None


@dataclass(frozen=True)
class Job:
    """The gaps of one file, in order, and the task for all of them."""

    file: SourceFile
    works: tuple[Work, ...]
    task: Task

    @property
    def source(self) -> Source:
        """The file's source."""
        return self.works[0].source

    @property
    def cursor(self) -> int | None:
        """The offset of the only gap, if it is empty and not a hole; else None."""
        from dgls.sound.site import Purpose

        work, *others = self.works
        is_cursor = not others and not work.span and work.purpose is Purpose.EXPLICIT
        return work.span.start if is_cursor else None

    def judge(self, fill: Fill, present: float | None = None) -> tuple[Cleaned, ...]:
        """The part of a candidate that may be put into each gap, up to the first refusal.

        `present` is the score of the gaps' present text, which a rewrite must exceed.
        """
        from dgls.sound.gaps import judged

        return judged(self.works, fill.texts, fill.score, present)

    def sound(self, candidates: Sequence[Fill], present: float | None) -> tuple[Fill, ...]:
        """The candidates with sound text for every gap, likeliest first.

        Their texts are the sound parts.
        """
        from dgls.sound.gaps import texts_of

        found: dict[tuple[str, ...], Fill] = {}
        for fill in candidates:
            texts = texts_of(self.judge(fill, present))
            if texts is not None:
                found.setdefault(texts, dataclasses.replace(fill, texts=texts))
        return tuple(found.values())

    def nothing(self, candidates: Sequence[Fill]) -> Fill:
        """The fill if no candidate is sound: empty texts."""
        return dataclasses.replace(candidates[0], texts=("",) * len(self.works), confidence=0.0)

    def edits(self, fill: Fill) -> list[Edit]:
        """The edits of the file for a fill, including the white space that a hole needs."""
        return [
            work.edit(self.task.context.for_document(text))
            for work, text in zip(self.works, fill.texts, strict=True)
        ]

    def write(self, fill: Fill) -> None:
        """Write the texts into the file. Raises `InputError` if all are empty."""
        if not any(fill.texts):
            raise InputError(
                f"The model has no fill that fits here; {self.file.name} was not changed. Try "
                "other places, more --lines or another --seed."
            )
        self.file.write(apply_edits(self.source.text, self.edits(fill)))


def job_of(asked: Asked, costs: FillSettings) -> Job:
    """The gaps that the command line means. Raises `InputError` if it means none.

    A line without a column means the hole in which it ends, or else its end.
    """
    from dgls.requests.builder import Task, budget_of
    from dgls.sound.gap_edit import laid_open

    targets = [parse_target(place) for place in asked.places]
    names = {target.file for target in targets}
    if len(names) > 1:
        raise InputError("All places must be in one file; nothing was filled.")
    file, source = parsed_source(names.pop(), asked.language)
    found = {work.span: work for work in _works(asked, targets, source)}
    works = tuple(work for _, work in sorted(found.items()))
    opened, gaps = laid_open(works)
    lines = [work.max_lines for work in works]
    task = Task.at(opened, gaps, budget_of(costs), lines=lines, strength=asked.strength)
    return Job(file, works, task)


def _works(asked: Asked, targets: Sequence[Target], source: Source) -> Iterator[Work]:
    from dgls.sound.gap_edit import plain_work

    for target in targets:
        if target.line is not None or not asked.selections:
            yield _work_at(target, source, asked.lines)
    for each in asked.selections:
        gap = selection(each, source.text)
        lines = max(asked.lines or 1, gap.of(source.text).count("\n") + 1)
        yield plain_work(source, gap, lines, asked.strength)


def _work_at(target: Target, source: Source, lines: int | None) -> Work:
    from dgls.sound.gap_edit import hole_work, plain_work
    from dgls.syntax.holes import hole_of_line

    gap = cursor(target, source.text)
    if target.column is None:
        hole = hole_of_line(source, line_around(source.text, gap.start))
        if hole is not None:
            work = hole_work(source, hole)
            return dataclasses.replace(work, max_lines=lines) if lines else work
    return plain_work(source, Span(gap.start, gap.end), lines or 1)
