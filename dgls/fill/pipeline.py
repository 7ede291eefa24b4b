"""One fill from request to reply: lay out, encode, propose, denoise, judge, rank."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dgls.canvas.types import Canvas
from dgls.errors import Stopped
from dgls.fill.canvas_editing import canvas_edit
from dgls.fill.proposals.copied import copied
from dgls.fill.proposals.warm_start import LastDrafts, started
from dgls.fill.ranking import Proposal, clipped, distinct, ranked, single_gap
from dgls.fill.soundness import Soundness
from dgls.fill.stages import Stages
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.inference.draft import CausalDraft
from dgls.inference.model import Control, FilledCanvas, Model, OnCanvas
from dgls.inference.prefix_cache import Prefix
from dgls.network.memory import is_out_of_memory, not_enough_memory
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, Trigger
from dgls.syntax.brackets import within_brackets
from dgls.syntax.languages import language_named

_UNFITTED = 0.5
"""The threshold of a model whose confidence was never fitted: likelier right than wrong."""


class Engine:
    """Fills gaps with one model. Fills of several threads at once share forward passes."""

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
        """The checkpoint's own name."""
        return self._model.name

    @property
    def device(self) -> str:
        """Where the model runs."""
        return str(self._model.network.device)

    @property
    def languages(self) -> tuple[str, ...]:
        """What the model was trained on; none where it reads all."""
        return self._model.metadata.languages

    @property
    def joins(self) -> bool:
        """Whether fills of several threads share forward passes."""
        return self._model.network.joins

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill every gap of the request, or edit its code.

        Out of time, it answers with what it has (`complete` is False). Raises `Stopped` when
        `stop` was set before the answer, `InputError` where the gaps do not fit the model,
        `ModelMemoryError` where the memory does not suffice; the next fill may then be smaller.
        """
        one = _OneFill(self._model, self._strategy, self._drafts, request, stop, on_draft)
        try:
            with self._model.network.taking_part() as share:
                if request.instruction:
                    edited = canvas_edit(self._model, self._strategy.denoise, request, stop)
                    return replace(edited, passes=share.passes)
                return replace(one.run(), passes=share.passes)
        except Stopped:
            # The token knows who stopped the fill; the loop below knows only that it was stopped.
            stop.check()
            raise
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Outside of the handler, which would keep what fills the memory.
        with self._model.network.taking_part():
            self._model.forget_prompts()
        raise not_enough_memory()

    def proposals(self, request: FillRequest) -> tuple[Proposal, ...]:
        """All proposals of a fill with their scores: what a confidence is fitted on.

        Raises `InputError` where the gaps do not fit the model.
        """
        nothing = LastDrafts()
        one = _OneFill(self._model, self._strategy, nothing, request, StopToken(), None)
        return one.proposals()


@dataclass(slots=True)
class _Tally:
    """What a fill has cost so far."""

    stages: Stages = field(default_factory=Stages)
    steps: int = 0
    complete: bool = True


class _OneFill:
    """The fill of one request; lives as long as that."""

    def __init__(
        self,
        model: Model,
        strategy: Strategy,
        drafts: LastDrafts,
        request: FillRequest,
        stop: StopToken,
        on_draft: OnDraft | None,
    ) -> None:
        self._model = model
        self._strategy = strategy
        self._drafts = drafts
        # Asked for now, because this fill's own drafts are kept as soon as they are there.
        self._rest = drafts.rest(request) if strategy.warm else ""
        self._request = request
        self._stop = stop
        self._on_draft = on_draft
        self._tally = _Tally()
        self._known = "".join(request.parts)
        self._is_sound = Soundness(request)
        limit = request.limits.deadline_ms
        deadline = None if limit is None else time.monotonic() + limit / 1000
        self._control = Control(lambda: stop.stopped, deadline)

    def run(self) -> FillReply:
        """The reply."""
        with self._tally.stages.timed("total"):
            self._stop.check()
            canvases = self._model.layout.canvases(self._request, self._strategy.lengths)
            canvas = canvases[0]
            prefix = self._encode(canvas)
            fills = self._fills(canvases, prefix) if self._request.limits.candidates else []
            present = self._present_score(canvas, prefix) if fills else None
            self._stop.check()
        fitted = self._model.metadata.threshold
        most = self._request.limits.candidates
        by_confidence = fitted is not None
        candidates = ranked(fills, most, by_confidence=by_confidence, is_sound=self._is_sound)
        if candidates:
            self._keep(candidates[0].texts)
        return FillReply(
            candidates=candidates,
            model=self._model.name,
            complete=self._tally.complete,
            steps=self._tally.steps,
            prompt_tokens=len(canvas.prompt),
            cached_tokens=prefix.cached,
            threshold=_UNFITTED if fitted is None else fitted,
            present=present,
            timings=self._tally.stages.timings,
        )

    def proposals(self) -> tuple[Proposal, ...]:
        """What would be ranked."""
        canvases = self._model.layout.canvases(self._request, self._strategy.lengths)
        return tuple(self._scored_proposals(canvases, self._encode(canvases[0])))

    def _fills(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Fill]:
        """Every proposal with its score and confidence, none twice."""
        return [self._fill(each) for each in self._scored_proposals(canvases, prefix)]

    def _scored_proposals(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Proposal]:
        found = distinct(self._proposals(canvases, prefix))
        return self._judged(found, canvases[0], prefix)

    def _encode(self, canvas: Canvas) -> Prefix:
        self._stop.check()
        with self._tally.stages.timed("encode"):
            return self._model.encode(canvas.prompt)

    def _proposals(self, canvases: Sequence[Canvas], prefix: Prefix) -> list[Proposal]:
        """What each way of filling gives; the first one is always made, the others in time."""
        found: list[Proposal] = []
        canvas = canvases[0]
        copies = self._copies(canvas, prefix)
        if copies and self._is_enough(copies[0]):
            return copies[:1]
        rewrites = any(gap.text and gap.strength < 1 for gap in self._request.gaps)
        if self._strategy.causal and not rewrites:
            drafts = self._drafted(canvas, prefix)
            found += self._draft_proposals(drafts)
            # Kept at once, because the next keystroke may stop this fill.
            self._keep(found[0].texts)
            self._tell(0, found[0].texts)
            if self._is_enough(found[0]):
                return found
            if self._strategy.passes and self._in_time():
                found.append(self._revised(canvas, prefix, drafts[0]))
        for index in range(self._strategy.noise):
            if not found or self._in_time():
                found += self._denoised(canvases, prefix, index)
        return [*found, *copies]

    def _copies(self, canvas: Canvas, prefix: Prefix) -> list[Proposal]:
        """Texts of the document; where a sure one could be the answer they are judged at once."""
        found = copied(self._request, self._strategy.copies)
        if not found or not self._wants_one:
            return found
        with self._tally.stages.timed("judge"):
            scored = self._scored(found, canvas, prefix)
        return sorted(scored, key=lambda each: -self._fill(each).confidence)

    def _drafted(self, canvas: Canvas, prefix: Prefix) -> list[tuple[CausalDraft, ...]]:
        """Causal drafts of all gaps, best first; of several gaps, each after those before it."""
        if len(canvas.gaps) == 1:
            return [(each,) for each in self._gap_drafts(canvas, 0, prefix)]
        chosen: list[CausalDraft] = []
        texts: list[str] = []
        for index in range(len(canvas.gaps)):
            prefix = self._encode(self._canvas_of(index, texts))
            best = self._gap_drafts(canvas, index, prefix)[0]
            chosen.append(best)
            texts.append(self._draft_text(index, best))
        return [tuple(chosen)]

    def _gap_drafts(self, canvas: Canvas, index: int, prefix: Prefix) -> tuple[CausalDraft, ...]:
        slots, lines = len(canvas.gaps[index]), self._request.gaps[index].max_lines
        with self._tally.stages.timed("draft"):
            found = self._model.drafts(prefix, slots, lines, self._strategy.beams, self._control)
        self._tally.complete &= all(each.in_time for each in found)
        return found

    def _draft_text(self, index: int, drafted: CausalDraft) -> str:
        return self._clip(index, self._model.codec.decode(drafted.tokens))

    def _draft_proposals(self, drafts: Sequence[tuple[CausalDraft, ...]]) -> list[Proposal]:
        """The best draft, and the others that cost nothing more because they are scored."""
        best, *others = map(self._draft_proposal, drafts)
        return [best, *(each for each in others if each.log_probs is not None)]

    def _draft_proposal(self, drafts: Sequence[CausalDraft]) -> Proposal:
        """A causal draft as a proposal: it was scored while it was written, if it is all there."""
        texts = tuple(self._draft_text(index, drafted) for index, drafted in enumerate(drafts))
        log_probs: list[float] = []
        for text, drafted in zip(texts, drafts, strict=True):
            if self._model.layout.target([text]) != drafted.tokens:
                return Proposal(texts, "draft")
            log_probs += drafted.log_probs
        return Proposal(texts, "draft", tuple(log_probs))

    def _revised(self, canvas: Canvas, prefix: Prefix, drafts: Sequence[CausalDraft]) -> Proposal:
        with self._tally.stages.timed("denoise"):
            passes = self._strategy.passes
            result = self._model.revise(
                prefix, canvas, drafts, passes, self._control, self._teller(canvas)
            )
        self._count(result)
        return Proposal(self._texts(canvas, result.tokens), "revised")

    def _denoised(self, canvases: Sequence[Canvas], prefix: Prefix, index: int) -> list[Proposal]:
        """What becomes of the canvases; the first time from the last draft, where there is one."""
        strengths = [gap.strength for gap in self._request.gaps]
        start = None if index else self._warm_start(canvases[0])
        if start is not None:
            canvases, strengths = [start], [0.0]
        seed = self._request.seed + index
        found = self._from_noise(canvases, prefix, strengths, seed)
        return found if start is None else [replace(each, source="kept") for each in found]

    def _warm_start(self, canvas: Canvas) -> Canvas | None:
        """The canvas with what typing has left of the document's last draft in its gap."""
        if not self._rest:
            return None
        return started(canvas, self._model.layout.target([self._rest]), self._model.pad)

    def _from_noise(
        self, canvases: Sequence[Canvas], prefix: Prefix, strengths: Sequence[float], seed: int
    ) -> list[Proposal]:
        with self._tally.stages.timed("denoise"):
            results = self._model.denoise(
                prefix,
                canvases,
                strengths,
                self._strategy.denoise,
                seed,
                self._control,
                self._teller(canvases[0]),
            )
        self._count(results[0])
        return [
            Proposal(self._texts(canvas, result.tokens), "noise")
            for canvas, result in zip(canvases, results, strict=True)
        ]

    def _count(self, result: FilledCanvas) -> None:
        """Note what denoising cost; the canvases of a batch take their steps together."""
        self._tally.steps += result.steps
        self._tally.complete &= result.complete

    def _is_enough(self, proposal: Proposal) -> bool:
        """Whether a proposal is so surely right that no other needs to be made."""
        if proposal.log_probs is None or not self._wants_one:
            return False
        sure = self._fill(proposal).confidence >= self._strategy.enough
        return sure and self._is_sound(proposal.texts)

    @property
    def _wants_one(self) -> bool:
        """Whether one sure answer will do; what was never fitted is not sure."""
        asks_one = self._request.limits.candidates == 1
        fitted = self._model.metadata.threshold is not None
        return fitted and (asks_one or self._request.trigger is Trigger.AUTOMATIC)

    def _present_score(self, canvas: Canvas, prefix: Prefix) -> float | None:
        """The score of the text that is in the gaps now; None where there is none, or no time."""
        texts = tuple(gap.text for gap in self._request.gaps)
        if not any(texts) or not self._in_time():
            return None
        with self._tally.stages.timed("judge"):
            return self._scored([Proposal(texts, "present")], canvas, prefix)[0].score

    def _judged(
        self, proposals: Sequence[Proposal], canvas: Canvas, prefix: Prefix
    ) -> list[Proposal]:
        """Each proposal with its score. Out of time, only those that have one already."""
        scored = [proposal for proposal in proposals if proposal.log_probs is not None]
        unscored = [proposal for proposal in proposals if proposal.log_probs is None]
        if unscored and scored and not self._in_time():
            unscored = []
        if unscored:
            self._stop.check()
            with self._tally.stages.timed("judge"):
                scored += self._scored(unscored, canvas, prefix)
        order = {proposal.texts: index for index, proposal in enumerate(proposals)}
        return sorted(scored, key=lambda each: order[each.texts])

    def _scored(
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
        """The log-probabilities of several gaps, each after the ones before it."""
        found: list[float] = []
        for index, text in enumerate(texts):
            canvas = self._canvas_of(index, texts)
            found += self._model.judge(self._encode(canvas), [self._target(text, canvas)])[0]
        return tuple(found)

    def _target(self, text: str, canvas: Canvas) -> tuple[int, ...]:
        """The tokens by which a text in the canvas's only gap is scored."""
        return (*self._model.layout.target([text]), *canvas.follows)

    def _fill(self, proposal: Proposal) -> Fill:
        confidence = self._model.metadata.calibration.confidence(proposal.evidence())
        tokens = sum(len(self._model.codec.encode(text)) for text in proposal.texts)
        return Fill(proposal.texts, proposal.score, confidence, proposal.source, tokens)

    def _canvas_of(self, index: int, texts: Sequence[str]) -> Canvas:
        """The canvas of one gap alone, when `texts` stand in those before it."""
        return self._model.layout.build(single_gap(self._request, index, texts))

    def _texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        texts = self._model.layout.texts(canvas, tokens)
        return tuple(self._clip(index, text) for index, text in enumerate(texts))

    def _clip(self, index: int, text: str) -> str:
        tail = self._request.parts[index + 1].partition("\n")[0]
        text = within_brackets(text, tail, language_named(self._request.language))
        return clipped(text, self._request.gaps[index], self._known)

    def _in_time(self) -> bool:
        """Whether there is time for more; remembers that there was not."""
        if self._control.out_of_time():
            self._tally.complete = False
        return not self._control.out_of_time()

    def _keep(self, texts: tuple[str, ...]) -> None:
        self._drafts.keep(self._request, texts[0])

    def _tell(self, step: int, texts: tuple[str, ...]) -> None:
        if self._on_draft is not None:
            self._on_draft(Draft(step, texts))

    def _teller(self, canvas: Canvas) -> OnCanvas | None:
        """What passes each step's canvas on as a draft, steps counted over all proposals."""
        on_draft = self._on_draft
        if on_draft is None:
            return None
        before = self._tally.steps

        def tell(step: int, tokens: tuple[int, ...], accepted: tuple[bool, ...]) -> None:
            decode = self._model.codec.decode
            shown = [
                decode([token])
                for token, pinned in zip(tokens, canvas.pinned, strict=True)
                if not pinned
            ]
            texts = self._texts(canvas, tokens)
            on_draft(Draft(before + step, texts, tuple(shown), accepted))

        return tell
