"""Builds the request to the engine from the gaps of a document, for every way in.

Editors, the terminal, other programs' clients, the page in the browser and the evaluation all use
it, so every request has its language, neighbours and limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dgls.config import AUTO, FillSettings
from dgls.policy.ask import lines_wanted
from dgls.protocol import FillRequest, Gap, Limits, Snippet, Trigger
from dgls.sound.gap_edit import Work
from dgls.sound.site import Purpose, Site, Wanted
from dgls.syntax.cursor import Budget, Context, context_at
from dgls.syntax.source import Source
from dgls.text.spans import Span

EXPLICIT_LINES = 8
"""The most lines of a suggestion for an explicit request."""

EXPLICIT_CANDIDATES = 4
"""The fewest candidates for an explicit request: the user gets the best sound one, or all."""


@dataclass(frozen=True, slots=True)
class Asker:
    """The caller: the way in, and the version of the document (terms as in `FillRequest`).

    `path` is the part of the document's path that the model may see. `snippets` are the document's
    neighbours.
    """

    client: str = ""
    method: str = ""
    trigger: Trigger = Trigger.EXPLICIT
    path: str = ""
    version: int = 0
    snippets: tuple[Snippet, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """Ordered gaps of one document to fill for one purpose, each with its most `lines`.

    `budget` is the size to which the context was cut. `strength` is the share of a gap's text that
    may change. With an `instruction` there is one gap, which is edited as instructed.
    """

    source: Source
    gaps: tuple[Span, ...]
    context: Context
    purpose: Purpose
    lines: tuple[int, ...]
    budget: Budget
    strength: float = 1.0
    instruction: str = ""

    @classmethod
    def at(
        cls,
        source: Source,
        gaps: Sequence[Span],
        budget: Budget,
        purpose: Purpose = Purpose.EXPLICIT,
        *,
        lines: int | Sequence[int],
        strength: float = 1.0,
    ) -> Task:
        """The task with its context cut to a budget.

        `lines` limits each gap: one number for all, or one for each. A gap may always keep the
        lines that it has. Raises `PositionError` if gaps overlap or leave the text.
        """
        context = context_at(source, gaps, budget)
        wanted = [lines] * len(gaps) if isinstance(lines, int) else lines
        held = (text.count("\n") + 1 for text in context.gaps)
        most = tuple(map(max, wanted, held))
        return cls(source, tuple(gaps), context, purpose, most, budget, strength)

    @classmethod
    def at_cursor(
        cls, source: Source, cursor: int, settings: FillSettings, purpose: Purpose
    ) -> Task:
        """The task of a suggestion at a cursor, whose surroundings limit its lines."""
        gap, budget = Span(cursor, cursor), budget_of(settings)
        context = context_at(source, [gap], budget)
        most = 1 if settings.max_lines == AUTO else settings.max_lines
        if purpose is Purpose.AUTOMATIC:
            opener = source.language.block_opener
            prefix, tail = context.parts[0], context.line_tail
            lines = lines_wanted(prefix, tail, opener, most)
        else:
            lines = 1 if context.line_tail.strip() else max(EXPLICIT_LINES, most)
        return cls(source, (gap,), context, purpose, (lines,), budget)

    @classmethod
    def of_work(cls, work: Work, budget: Budget) -> Task:
        """The task of a code action: an opened hole, or a selection."""
        return cls.at(
            work.opened,
            [work.gap],
            budget,
            work.purpose,
            lines=work.max_lines,
            strength=work.strength,
        )

    def request(self, asker: Asker, limits: Limits) -> FillRequest:
        """The request to the engine."""
        return FillRequest(
            parts=self.context.parts,
            gaps=tuple(map(self._gap, self.context.gaps, self.lines)),
            path=asker.path,
            language=self.source.language.id,
            version=asker.version,
            client=asker.client,
            method=asker.method,
            trigger=asker.trigger,
            snippets=asker.snippets,
            limits=replace(
                limits,
                prefix_chars=self.budget.prefix_chars,
                suffix_chars=self.budget.suffix_chars,
            ),
            seed=asker.seed,
            around=self.context.around,
            instruction=self.instruction,
        )

    @property
    def site(self) -> Site:
        """The site of the first gap, by which `dgls.sound` cleans its answers."""
        return Site.of(self.source, self.gaps[0], Wanted(self.purpose, self.lines[0]))

    def _gap(self, text: str, lines: int) -> Gap:
        return Gap(text, self.strength if text else 1.0, lines)


def budget_of(settings: FillSettings) -> Budget:
    """How much of the document the model sees."""
    before, after = settings.prefix_chars, settings.suffix_chars
    return Budget(None if before == AUTO else before, None if after == AUTO else after)


def limits_of(settings: FillSettings, trigger: Trigger = Trigger.EXPLICIT) -> Limits:
    """The settings' deadline and candidates; an explicit request gets more of both."""
    most = 1 if settings.candidates == AUTO else settings.candidates
    if trigger is Trigger.AUTOMATIC:
        return Limits(settings.automatic_deadline_ms or None, most)
    return Limits(settings.explicit_deadline_ms or None, max(EXPLICIT_CANDIDATES, most))
