"""Scores and confidences of the texts proposed for a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dgls.canvas.types import Canvas
from dgls.fill.canvas_running import CanvasRunning
from dgls.fill.ranking import Proposal
from dgls.inference.prefix_cache import Prefix
from dgls.protocol import Fill, Trigger


class CanvasScores:
    """Scores the proposals of one fill."""

    def __init__(self, running: CanvasRunning) -> None:
        self._running = running
        self._model = running.model
        self._request = running.request
        self._strategy = running.strategy

    def judged(
        self, proposals: Sequence[Proposal], canvas: Canvas, prefix: Prefix
    ) -> list[Proposal]:
        """Each proposal with its score. Once time is out, only those that already have one."""
        scored = [proposal for proposal in proposals if proposal.log_probs is not None]
        unscored = [proposal for proposal in proposals if proposal.log_probs is None]
        if unscored and scored and not self._running.in_time():
            unscored = []
        if unscored:
            self._running.stop.check()
            with self._running.tally.stages.timed("judge"):
                scored += self.scored(unscored, canvas, prefix)
        order = {proposal.texts: index for index, proposal in enumerate(proposals)}
        return sorted(scored, key=lambda each: order[each.texts])

    def scored(
        self, proposals: Sequence[Proposal], canvas: Canvas, prefix: Prefix
    ) -> list[Proposal]:
        if len(self._request.gaps) == 1:
            targets = [self._target(each.texts[0], canvas) for each in proposals]
            rows = self._model.judge(prefix, targets)
            return [
                replace(proposal, log_probs=row)
                for proposal, row in zip(proposals, rows, strict=True)
            ]
        return [
            replace(proposal, log_probs=self._scored_in_turn(proposal.texts))
            for proposal in proposals
        ]

    def _scored_in_turn(self, texts: tuple[str, ...]) -> tuple[float, ...]:
        """The log-probabilities of several gaps, each scored after the ones before it."""
        found: list[float] = []
        for index, text in enumerate(texts):
            canvas = self._running.canvas_of(index, texts)
            found += self._model.judge(self._running.encode(canvas), [self._target(text, canvas)])[
                0
            ]
        return tuple(found)

    def _target(self, text: str, canvas: Canvas) -> tuple[int, ...]:
        """The tokens by which a text in the canvas's only gap is scored."""
        return (*self._model.layout.target([text]), *canvas.follows)

    def present_score(self, canvas: Canvas, prefix: Prefix) -> float | None:
        """The score of the text that the gaps hold now; None without text or time."""
        texts = tuple(gap.text for gap in self._request.gaps)
        if not any(texts) or not self._running.in_time():
            return None
        with self._running.tally.stages.timed("judge"):
            return self.scored([Proposal(texts, "present")], canvas, prefix)[0].score

    def fill(self, proposal: Proposal) -> Fill:
        confidence = self._model.metadata.calibration.confidence(proposal.evidence())
        tokens = sum(len(self._model.codec.encode(text)) for text in proposal.texts)
        return Fill(proposal.texts, proposal.score, confidence, proposal.source, tokens)

    def is_enough(self, proposal: Proposal) -> bool:
        """Whether a proposal is so surely right that no other is needed."""
        if proposal.log_probs is None or not self.wants_one:
            return False
        sure = self.fill(proposal).confidence >= self._strategy.enough
        return sure and self._running.is_sound(proposal.texts)

    @property
    def wants_one(self) -> bool:
        """Whether one sure answer will do; an unfitted confidence is never sure."""
        asks_one = self._request.limits.candidates == 1
        fitted = self._model.metadata.threshold is not None
        return fitted and (asks_one or self._request.trigger is Trigger.AUTOMATIC)
