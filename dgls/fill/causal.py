"""Fills gaps with a causal fill-in-the-middle model: write, search, copy, score, rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dgls.fill.confidence import Confidence
from dgls.fill.editing import InstructionEditor, cannot_edit
from dgls.fill.evidence import Candidate
from dgls.fill.gap_work import GapWork, Weighed, merged
from dgls.fill.prompt_choice import PromptChoice
from dgls.fill.proposals.warm_start import LastDrafts
from dgls.fill.ranking import ranked, single_gap
from dgls.fill.running import CausalStrategy, Running
from dgls.fill.soundness import Soundness, site_of
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel
from dgls.network.memory import is_out_of_memory, not_enough_memory
from dgls.protocol import Fill, FillReply, FillRequest, OnDraft


@dataclass(frozen=True, slots=True)
class Considered:
    """The candidates of one gap: the first text alone, and beside others by trigger."""

    alone: Weighed
    automatic: tuple[Weighed, ...]
    explicit: tuple[Weighed, ...]


class CausalFiller:
    """Fills gaps with one causal model (`dgls.fill.filler.Filler`)."""

    joins = False
    languages: tuple[str, ...] = ()

    def __init__(
        self,
        model: CausalModel,
        confidence: Confidence,
        strategy: CausalStrategy | None = None,
    ) -> None:
        self.model = model
        self._confidence = confidence
        self._strategy = strategy or CausalStrategy()
        self._drafts = LastDrafts()
        self._prompting = PromptChoice(model)
        self.idle_work: Callable[[], bool] | None = None
        self.editor: InstructionEditor | None = None

    @property
    def strategy(self) -> CausalStrategy:
        """The limits of its fills."""
        return self._strategy

    def use_pause(self, stop: StopToken) -> bool:
        """Read more of the whole prompt at the user's current place; False once all is read."""
        return self._prompting.read_on(stop)

    def use_idle_time(self) -> bool:
        """Do about a second of deferred work; False once no work is left."""
        if self.idle_work is None:
            return False
        if not self.idle_work():
            self.idle_work = None
        return self.idle_work is not None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def device(self) -> str:
        """Where the model runs."""
        return str(self.model.network.device)

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """Fill every gap of the request, each after those before it, or edit its code.

        When time runs out, the reply has the best text so far (`complete` is False). Raises
        `Stopped` if `stop` was set before the answer, `ModelMemoryError` if memory does not
        suffice.
        """
        try:
            if request.instruction:
                return self._edited(request, stop, on_draft)
            return self._one(request, stop, on_draft).run()
        except Exception as error:
            stop.check()
            if not is_out_of_memory(error):
                raise
        # Outside the handler, which would keep the memory of its frames alive.
        self.model.forget_prompts()
        raise not_enough_memory()

    @property
    def threshold(self) -> float:
        """The lowest confidence at which its fills should be shown unasked."""
        return self._confidence.threshold

    def with_strategy(self, strategy: CausalStrategy) -> CausalFiller:
        """A filler of the same model with another strategy, without idle work or editor."""
        return CausalFiller(self.model, self._confidence, strategy)

    def considered(self, request: FillRequest) -> Considered:
        """All candidates that may be weighed for a request with one gap."""
        return self._one(request, StopToken(), None).considered()

    def _edited(self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None) -> FillReply:
        if self.editor is None:
            raise cannot_edit(self.name, "it is too small to follow one")
        return self.editor.edit(self._running(request, stop, on_draft))

    def _one(self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None) -> _OneFill:
        return _OneFill(self._running(request, stop, on_draft))

    def _running(self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None) -> Running:
        return Running(
            self.model,
            self._confidence,
            self._strategy,
            self._drafts,
            self._prompting,
            request,
            stop,
            on_draft,
        )


@dataclass(slots=True)
class _OneFill:
    """The fill of one request."""

    running: Running
    is_sound: Soundness = field(init=False)
    present: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.is_sound = Soundness(self.running.request)

    def run(self) -> FillReply:
        """The reply to the request."""
        request, cost = self.running.request, self.running.cost
        with cost.stages.timed("total"):
            self.running.stop.check()
            if not request.limits.candidates:
                fills: list[Fill] = []
                self._read_ahead()
            elif len(request.gaps) == 1:
                work = GapWork(self.running, request, self.is_sound.site)
                fills = [_fill(each) for each in self._weighed(work, work.write())]
            else:
                fills = [self._several()]
            self.running.stop.check()
        most = request.limits.candidates
        return FillReply(
            candidates=ranked(fills, most, by_confidence=True, is_sound=self.is_sound),
            model=self.running.model.name,
            complete=cost.complete,
            steps=cost.stream_passes,
            written=cost.stream_tokens,
            passes=cost.passes,
            prompt_tokens=cost.prompt_tokens,
            cached_tokens=cost.cached_tokens,
            threshold=self.running.threshold,
            present=self.present,
            timings=cost.stages.timings,
        )

    def _weighed(self, work: GapWork, first: Candidate) -> tuple[Weighed, ...]:
        """The candidates of the one gap with their confidence; only those needed are made."""
        alone = work.alone(first)
        if self._settles(alone):
            return (alone,)
        return self._searched(work, first, automatic=self.running.is_automatic)

    def considered(self) -> Considered:
        """All candidates of the one gap, even where the first text would settle it."""
        work = GapWork(self.running, self.running.request, self.is_sound.site)
        first = work.write()
        return Considered(
            work.alone(first),
            self._searched(work, first, automatic=True),
            self._searched(work, first, automatic=False),
        )

    def _searched(self, work: GapWork, first: Candidate, *, automatic: bool) -> tuple[Weighed, ...]:
        """The first text beside others. An automatic fill adds copies alone, in one pass."""
        found = [first] if automatic else [first, *work.search(first)]
        if self.running.control.out_of_time():
            self.running.cost.complete = False
        else:
            found += work.copies(found)
            self.present = work.present()
        several = merged(found)
        joint = {} if automatic else work.joint(several)
        return tuple(work.weigh(several, first.text, joint))

    def _settles(self, first: Weighed) -> bool:
        """Whether the first text is the answer, or shows that the gap has no answer."""
        request, strategy = self.running.request, self.running.strategy
        sound = self.is_sound((first.candidate.text,))
        if self.running.is_automatic:
            inside = strategy.hopeless <= first.confidence < strategy.enough
            return not inside and (sound or not first.candidate.text.strip())
        sure = first.confidence >= strategy.certain and sound
        return sure and request.limits.candidates == 1

    def _several(self) -> Fill:
        """The gaps in order, each with the earlier texts in its prompt."""
        request = self.running.request
        texts: list[str] = []
        score, confidence, tokens = 0.0, 1.0, 0
        for index in range(len(request.gaps)):
            alone = single_gap(request, index, texts)
            is_last = index == len(request.gaps) - 1
            work = GapWork(self.running, alone, site_of(alone, unfinished=not is_last))
            best = work.alone(work.write(offset=tuple(texts)))
            texts.append(best.candidate.text)
            score += best.candidate.written.score
            confidence = min(confidence, best.confidence)
            tokens += len(best.candidate.written.tokens)
        return Fill(tuple(texts), score, confidence, "draft", tokens)

    def _read_ahead(self) -> None:
        """Read the prompt now, so that the next fill at this place is quicker."""
        model, cost = self.running.model, self.running.cost
        prompt = model.layout.prompt(single_gap(self.running.request, 0, ()))
        with cost.stages.timed("encode"):
            read = model.read(prompt)
        cost.prompt_tokens, cost.cached_tokens = len(prompt.tokens), read.cached


def _fill(weighed: Weighed) -> Fill:
    candidate = weighed.candidate
    return Fill(
        (candidate.text,),
        candidate.written.score,
        weighed.confidence,
        candidate.source,
        len(candidate.written.tokens),
        weighed.features,
    )
