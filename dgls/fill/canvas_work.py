"""The proposals for a canvas: copies, causal drafts, revised drafts and denoised canvases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dgls.canvas.types import Canvas
from dgls.fill.canvas_running import CanvasRunning
from dgls.fill.canvas_scores import CanvasScores
from dgls.fill.proposals.copied import copied
from dgls.fill.proposals.warm_start import started
from dgls.fill.ranking import Proposal
from dgls.inference.draft import CausalDraft
from dgls.inference.prefix_cache import Prefix


class CanvasWork:
    """Makes the proposals of one fill."""

    def __init__(self, running: CanvasRunning, scores: CanvasScores) -> None:
        self._running = running
        self._model = running.model
        self._request = running.request
        self._strategy = running.strategy
        self._scores = scores

    def proposals(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Proposal]:
        """The proposals of each way to fill: the first in any case, the others in time."""
        found: list[Proposal] = []
        canvas = canvases[0]
        copies = self._copies(canvas, prefix)
        if copies and self._scores.is_enough(copies[0]):
            return copies[:1]
        rewrites = any(gap.text and gap.strength < 1 for gap in self._request.gaps)
        if self._strategy.causal and not rewrites:
            drafts = self._drafted(canvas, prefix)
            found += self._draft_proposals(drafts)
            # Kept at once, because the next keystroke may stop this fill.
            self._running.keep(found[0].texts)
            self._running.tell(0, found[0].texts)
            if self._scores.is_enough(found[0]):
                return found
            if self._strategy.passes and self._running.in_time():
                found.append(self._revised(canvas, prefix, drafts[0]))
        for index in range(self._strategy.noise):
            if not found or self._running.in_time():
                found += self._denoised(canvases, prefix, index)
        return [*found, *copies]

    def _copies(self, canvas: Canvas, prefix: Prefix) -> list[Proposal]:
        """Copies from the document; scored at once if a sure one may be the answer."""
        found = copied(self._request, self._strategy.copies)
        if not found or not self._scores.wants_one:
            return found
        with self._running.tally.stages.timed("judge"):
            scored = self._scores.scored(found, canvas, prefix)
        return sorted(scored, key=lambda each: -self._scores.fill(each).confidence)

    def _drafted(self, canvas: Canvas, prefix: Prefix) -> list[tuple[CausalDraft, ...]]:
        """Causal drafts of all gaps, best first; each gap is drafted after those before it."""
        if len(canvas.gaps) == 1:
            return [(each,) for each in self._gap_drafts(canvas, 0, prefix)]
        chosen: list[CausalDraft] = []
        texts: list[str] = []
        for index in range(len(canvas.gaps)):
            prefix = self._running.encode(self._running.canvas_of(index, texts))
            best = self._gap_drafts(canvas, index, prefix)[0]
            chosen.append(best)
            texts.append(self._draft_text(index, best))
        return [tuple(chosen)]

    def _gap_drafts(self, canvas: Canvas, index: int, prefix: Prefix) -> tuple[CausalDraft, ...]:
        slots, lines = len(canvas.gaps[index]), self._request.gaps[index].max_lines
        with self._running.tally.stages.timed("draft"):
            found = self._model.drafts(
                prefix, slots, lines, self._strategy.beams, self._running.control
            )
        self._running.tally.complete &= all(each.in_time for each in found)
        return found

    def _draft_text(self, index: int, drafted: CausalDraft) -> str:
        return self._running.clip(index, self._model.codec.decode(drafted.tokens))

    def _draft_proposals(self, drafts: Sequence[tuple[CausalDraft, ...]]) -> list[Proposal]:
        """The best draft, and the other drafts, which are already scored and so cost nothing."""
        best, *others = map(self._draft_proposal, drafts)
        return [best, *(each for each in others if each.log_probs is not None)]

    def _draft_proposal(self, drafts: Sequence[CausalDraft]) -> Proposal:
        """A causal draft as a proposal, with the score from its writing if nothing was clipped."""
        texts = tuple(self._draft_text(index, drafted) for index, drafted in enumerate(drafts))
        log_probs: list[float] = []
        for text, drafted in zip(texts, drafts, strict=True):
            if self._model.layout.target([text]) != drafted.tokens:
                return Proposal(texts, "draft")
            log_probs += drafted.log_probs
        return Proposal(texts, "draft", tuple(log_probs))

    def _revised(self, canvas: Canvas, prefix: Prefix, drafts: Sequence[CausalDraft]) -> Proposal:
        with self._running.tally.stages.timed("denoise"):
            passes = self._strategy.passes
            result = self._model.revise(
                prefix, canvas, drafts, passes, self._running.control, self._running.teller(canvas)
            )
        self._running.count(result)
        return Proposal(self._running.texts(canvas, result.tokens), "revised")

    def _denoised(self, canvases: Sequence[Canvas], prefix: Prefix, index: int) -> list[Proposal]:
        """The denoised canvases; the first starts from the last draft, if there is one."""
        strengths = [gap.strength for gap in self._request.gaps]
        start = None if index else self._warm_start(canvases[0])
        if start is not None:
            canvases, strengths = [start], [0.0]
        seed = self._request.seed + index
        found = self._from_noise(canvases, prefix, strengths, seed)
        return found if start is None else [replace(each, source="kept") for each in found]

    def _warm_start(self, canvas: Canvas) -> Canvas | None:
        """The canvas with the rest of the document's last draft in its gap."""
        if not self._running.rest:
            return None
        return started(canvas, self._model.layout.target([self._running.rest]), self._model.pad)

    def _from_noise(
        self, canvases: Sequence[Canvas], prefix: Prefix, strengths: Sequence[float], seed: int
    ) -> list[Proposal]:
        with self._running.tally.stages.timed("denoise"):
            results = self._model.denoise(
                prefix,
                canvases,
                strengths,
                self._strategy.denoise,
                seed,
                self._running.control,
                self._running.teller(canvases[0]),
            )
        self._running.count(results[0])
        return [
            Proposal(self._running.texts(canvas, result.tokens), "noise")
            for canvas, result in zip(canvases, results, strict=True)
        ]
