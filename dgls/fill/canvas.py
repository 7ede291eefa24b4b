"""One fill with a canvas, from request to reply: lay out, encode, propose, denoise, judge, rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dgls.canvas.types import Canvas
from dgls.errors import Stopped
from dgls.fill.canvas_editing import canvas_edit
from dgls.fill.canvas_running import CanvasRunning
from dgls.fill.canvas_scores import CanvasScores
from dgls.fill.canvas_work import CanvasWork
from dgls.fill.proposals.warm_start import LastDrafts
from dgls.fill.ranking import Proposal, merged, ranked
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.inference.model import Model
from dgls.inference.prefix_cache import Prefix
from dgls.network.memory import is_out_of_memory, not_enough_memory
from dgls.protocol import Fill, FillReply, FillRequest, OnDraft

_UNFITTED = 0.5
"""The threshold of a model without a fitted confidence: more likely right than wrong."""


class CanvasFiller:
    """Fills gaps with one canvas model. Fills of several threads share forward passes.

    One of the two fillers (`dgls.fill.filler.Filler`); the other is `dgls.fill.causal`.
    """

    def __init__(self, model: Model, strategy: Strategy) -> None:
        self._model = model
        self._strategy = strategy
        self._drafts = LastDrafts()

    @property
    def model(self) -> Model:
        """The model that fills."""
        return self._model

    @property
    def name(self) -> str:
        """The checkpoint's name."""
        return self._model.name

    @property
    def device(self) -> str:
        """Where the model runs."""
        return str(self._model.network.device)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the model was trained on; empty if it reads all."""
        return self._model.metadata.languages

    @property
    def joins(self) -> bool:
        """Whether fills of several threads share forward passes."""
        return self._model.network.joins

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill every gap of the request, or edit its code.

        When time runs out, the reply has the best drafts so far (`complete` is False). Raises
        `Stopped` if `stop` was set before the answer, `InputError` if the gaps do not fit the
        model, `ModelMemoryError` if memory does not suffice; the next fill may then get a smaller
        canvas.
        """
        one = _OneFill(
            CanvasRunning(self._model, self._strategy, self._drafts, request, stop, on_draft)
        )
        try:
            with self._model.network.taking_part() as share:
                if request.instruction:
                    edited = canvas_edit(self._model, self._strategy.denoise, request, stop)
                    return replace(edited, passes=share.passes)
                return replace(one.run(), passes=share.passes)
        except Stopped:
            # The token has the reason for the stop; the loop below does not.
            stop.check()
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler, which would keep the memory of its frames alive.
        with self._model.network.taking_part():
            self._model.forget_prompts()
        raise not_enough_memory()

    def proposals(self, request: FillRequest) -> tuple[Proposal, ...]:
        """All proposals of a fill with their scores, for fitting a confidence.

        Raises `InputError` if the gaps do not fit the model.
        """
        nothing = LastDrafts()
        running = CanvasRunning(self._model, self._strategy, nothing, request, StopToken(), None)
        return _OneFill(running).proposals()


class _OneFill:
    """The fill of one request."""

    def __init__(self, running: CanvasRunning) -> None:
        self._running = running
        self._model = running.model
        self._request = running.request
        self._strategy = running.strategy
        self._scores = CanvasScores(running)
        self._work = CanvasWork(running, self._scores)

    def run(self) -> FillReply:
        """The reply to the request."""
        with self._running.tally.stages.timed("total"):
            self._running.stop.check()
            canvases = self._model.layout.canvases(self._request, self._strategy.lengths)
            canvas = canvases[0]
            prefix = self._running.encode(canvas)
            fills = self._fills(canvases, prefix) if self._request.limits.candidates else []
            present = self._scores.present_score(canvas, prefix) if fills else None
            self._running.stop.check()
        fitted = self._model.metadata.threshold
        most = self._request.limits.candidates
        by_confidence = fitted is not None
        candidates = ranked(
            fills, most, by_confidence=by_confidence, is_sound=self._running.is_sound
        )
        if candidates:
            self._running.keep(candidates[0].texts)
        return FillReply(
            candidates=candidates,
            model=self._model.name,
            complete=self._running.tally.complete,
            steps=self._running.tally.steps,
            prompt_tokens=len(canvas.prompt),
            cached_tokens=prefix.cached,
            threshold=_UNFITTED if fitted is None else fitted,
            present=present,
            timings=self._running.tally.stages.timings,
        )

    def proposals(self) -> tuple[Proposal, ...]:
        """All proposals with their scores, as they would be ranked."""
        canvases = self._model.layout.canvases(self._request, self._strategy.lengths)
        return tuple(self._scored_proposals(canvases, self._running.encode(canvases[0])))

    def _fills(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Fill]:
        """Every distinct proposal with its score and confidence."""
        return [self._scores.fill(each) for each in self._scored_proposals(canvases, prefix)]

    def _scored_proposals(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Proposal]:
        found = merged(self._work.proposals(canvases, prefix))
        return self._scores.judged(found, canvases[0], prefix)
