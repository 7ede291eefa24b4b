"""One fill with a causal fill-in-the-middle model: write, search, copy, score, rank."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dgls.canvas.fim import FimPrompt
from dgls.fill.block import block_end
from dgls.fill.confidence import Confidence
from dgls.fill.evidence import Candidate, Place, features
from dgls.fill.proposals.copied import copied
from dgls.fill.proposals.warm_start import LastDrafts
from dgls.fill.ranking import COPIED, ranked, single_gap
from dgls.fill.soundness import Soundness, site_of
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel
from dgls.inference.prompts import ReadPrompt
from dgls.inference.stream import Control, Ends, Written
from dgls.network.memory import is_out_of_memory, not_enough_memory
from dgls.protocol import WRITTEN, Draft, Fill, FillReply, FillRequest, OnDraft, Timings, Trigger
from dgls.sound.clean import sound
from dgls.syntax.languages import language_named


@dataclass(frozen=True, slots=True)
class CausalStrategy:
    """What a fill may cost.

    Unasked, a first text whose confidence is `enough` is the answer at once, and one below
    `hopeless` is not worth a search, as it would hardly be shown. Who asks waits a little longer:
    there the first text must be `certain`. `beams` texts are searched for at once, on one line;
    `copies` is how many texts of the document are scored; of the likeliest `second_opinions` it is
    asked how well they lead to what follows. A text of the search that is so many nats `behind` the
    likeliest is given up. `line_tokens` and `block_tokens` bound a fill of one line and of
    several.
    """

    enough: float = 0.8
    hopeless: float = 0.25
    certain: float = 0.9
    beams: int = 4
    behind: float = 2.0
    copies: int = 3
    second_opinions: int = 3
    line_tokens: int = 64
    block_tokens: int = 192


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate with its evidence and the confidence that it gives."""

    candidate: Candidate
    features: dict[str, float]
    confidence: float


_BROKEN = "\N{REPLACEMENT CHARACTER}"
"""What a character becomes of which a token holds a part alone."""


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
        self.idle_work: Callable[[], bool] | None = None

    @property
    def strategy(self) -> CausalStrategy:
        """What its fills may cost."""
        return self._strategy

    def use_idle_time(self) -> bool:
        """Do a second's work that waits for a quiet moment; False once there is none left."""
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
        """Fill every gap of the request, each after those before it.

        Out of time it answers with what it has (`complete` is False). Raises `Stopped` when `stop`
        was set before the answer, `ModelMemoryError` where the memory does not suffice.
        """
        try:
            return self._one(request, stop, on_draft).run()
        except Exception as error:
            stop.check()
            if not is_out_of_memory(error):
                raise
        # Outside of the handler, which would keep what fills the memory.
        self.model.forget_prompts()
        raise not_enough_memory()

    @property
    def threshold(self) -> float:
        """The least confidence at which its fills should be shown unasked."""
        return self._confidence.threshold

    def planned(self, strategy: CausalStrategy) -> CausalFiller:
        """The same model with another strategy."""
        return CausalFiller(self.model, self._confidence, strategy)

    def weighed(self, request: FillRequest) -> tuple[Weighed, tuple[Weighed, ...]]:
        """What is weighed for a request with one gap: the first text alone, then a whole search."""
        first = self._one(request, StopToken(), None).first()
        return first, self._one(request, StopToken(), None).weighed(thorough=True)

    def _one(self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None) -> _OneFill:
        return _OneFill(
            self.model, self._confidence, self._strategy, self._drafts, request, stop, on_draft
        )


@dataclass(slots=True)
class _Cost:
    """What a fill has cost so far: milliseconds by stage, passes, tokens written by them."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    passes: int = 0
    stream_passes: int = 0
    stream_tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    complete: bool = True

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time inside to a stage of `Timings`, named without its unit."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = 1000 * (time.perf_counter() - began)
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent


@dataclass(slots=True)
class _OneFill:
    """The fill of one request; lives as long as that."""

    model: CausalModel
    confidence: Confidence
    strategy: CausalStrategy
    drafts: LastDrafts
    request: FillRequest
    stop: StopToken
    on_draft: OnDraft | None
    cost: _Cost = field(default_factory=_Cost)
    control: Control = field(init=False)
    is_sound: Soundness = field(init=False)
    present: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        limit = self.request.limits.deadline_ms
        deadline = None if limit is None else time.monotonic() + limit / 1000
        self.is_sound = Soundness(self.request)
        self.control = Control(
            lambda: self.stop.stopped,
            lambda: deadline is not None and time.monotonic() > deadline,
        )

    def run(self) -> FillReply:
        """The reply."""
        with self.cost.timed("total"):
            self.stop.check()
            if not self.request.limits.candidates:
                fills: list[Fill] = []
                self._read_ahead()
            elif len(self.request.gaps) == 1:
                fills = [_fill(each) for each in self.weighed()]
            else:
                fills = [self._several()]
            self.stop.check()
        most = self.request.limits.candidates
        return FillReply(
            candidates=ranked(fills, most, by_confidence=True, is_sound=self.is_sound),
            model=self.model.name,
            complete=self.cost.complete,
            steps=self.cost.stream_passes,
            written=self.cost.stream_tokens,
            passes=self.cost.passes,
            prompt_tokens=self.cost.prompt_tokens,
            cached_tokens=self.cost.cached_tokens,
            threshold=self.confidence.threshold,
            present=self.present,
            timings=Timings(**{f"{k}_ms": ms for k, ms in self.cost.milliseconds.items()}),
        )

    def weighed(self, thorough: bool = False) -> tuple[Weighed, ...]:
        """The candidates of the one gap with their confidence; none is made that is not needed."""
        work = _GapWork(self, self.request)
        first = work.write()
        alone = work.alone(first)
        if not thorough and self._settles(alone):
            return (alone,)
        found = [first, *work.search(first)]
        if self.control.out_of_time():
            self.cost.complete = False
        else:
            found += work.copies(found)
            self.present = work.present()
        return tuple(work.weigh(_distinct(found), first.text))

    def _settles(self, first: Weighed) -> bool:
        """Whether the first text is the answer, or the sign that there is none."""
        sound = self.is_sound((first.candidate.text,))
        if self.request.trigger is Trigger.AUTOMATIC:
            inside = self.strategy.hopeless <= first.confidence < self.strategy.enough
            return not inside and (sound or not first.candidate.text.strip())
        sure = first.confidence >= self.strategy.certain and sound
        return sure and self.request.limits.candidates == 1

    def first(self) -> Weighed:
        """What the model writes, weighed by itself."""
        work = _GapWork(self, self.request)
        return work.alone(work.write())

    def _several(self) -> Fill:
        """The gaps in order, each with the texts before it in its prompt."""
        texts: list[str] = []
        score, confidence, tokens = 0.0, 1.0, 0
        for index in range(len(self.request.gaps)):
            alone = single_gap(self.request, index, texts)
            work = _GapWork(self, alone)
            best = work.alone(work.write(offset=tuple(texts)))
            texts.append(best.candidate.text)
            score += best.candidate.written.total
            confidence = min(confidence, best.confidence)
            tokens += len(best.candidate.written.tokens)
        return Fill(tuple(texts), score, confidence, "draft", tokens)

    def _read_ahead(self) -> None:
        """Read the prompt, so that the next fill there is quicker."""
        prompt = self.model.layout.prompt(single_gap(self.request, 0, ()))
        with self.cost.timed("encode"):
            read = self.model.read(prompt)
        self.cost.prompt_tokens, self.cost.cached_tokens = len(prompt.tokens), read.cached

    def tell(
        self,
        texts: tuple[str, ...],
        accepted: tuple[str, ...],
        refused: tuple[str, ...],
        ahead: tuple[str, ...],
    ) -> None:
        """Pass a draft on to who watches: what the pass wrote and refused, and what comes next."""
        if self.on_draft is not None:
            flags = (True,) * len(accepted) + (False,) * len(refused)
            tokens = (*accepted, *refused)
            self.on_draft(Draft(self.cost.stream_passes, texts, tokens, flags, WRITTEN, ahead))


class _GapWork:
    """The candidates of one gap."""

    def __init__(self, fill: _OneFill, request: FillRequest) -> None:
        self._fill = fill
        self._model = fill.model
        self._request = request
        self._gap = request.gaps[0]
        prefix, suffix = fill.model.layout.surroundings(request)
        self._place = Place(prefix, suffix, self._gap.max_lines)
        self._site = site_of(request)
        self._language = language_named(request.language)
        self.place = self._place
        self._prompt: FimPrompt = fill.model.layout.prompt(request)
        most = fill.strategy.line_tokens if self._gap.max_lines == 1 else fill.strategy.block_tokens
        self._ends: Ends = fill.model.ends(
            self._gap.max_lines, most + len(self._prompt.healed), self._is_over()
        )
        self._read: ReadPrompt | None = None

    def write(self, offset: tuple[str, ...] = ()) -> Candidate:
        """What the model writes token by token; kept, because the next keystroke may agree."""
        fill, rest = self._fill, self._fill.drafts.rest(self._request)
        kept = self._model.layout.text(self._prompt, rest) if rest else ()

        known = 0

        def told(tokens: Sequence[int], refused: Sequence[int], ahead: Sequence[int]) -> None:
            nonlocal known
            fill.cost.stream_passes += 1
            if fill.on_draft is not None:
                after = ("",) * (len(fill.request.gaps) - len(offset) - 1)
                texts = (*offset, self._text_of(tokens), *after)
                new, said = tokens[known:], self._said
                fill.tell(texts, said(new), said(refused), said(ahead))
            known = len(tokens)

        with fill.cost.timed("draft"):
            written, self._read = self._model.greedy(
                self._prompt, self._ends, fill.control, kept, told
            )
        fill.cost.passes += written.passes + 1
        fill.cost.stream_tokens += len(written.tokens) + 1
        fill.cost.prompt_tokens = len(self._prompt.tokens)
        fill.cost.cached_tokens = self._read.cached
        fill.cost.complete &= written.complete
        found = self._candidate(written, "draft")
        fill.drafts.keep(self._request, found.text)
        return found

    def search(self, first: Candidate) -> list[Candidate]:
        """What a beam search finds beside the first text.

        Nothing for a gap of several lines, where it costs too much.
        """
        strategy = self._fill.strategy
        if self._gap.max_lines > 1 or strategy.beams < 2 or self._read is None:
            return []
        with self._fill.cost.timed("draft"):
            found = self._model.beams(
                self._prompt,
                self._read,
                self._ends,
                strategy.beams,
                self._fill.control,
                first.written.total,
                strategy.behind,
            )
        self._fill.cost.passes += found[0].passes if found else 0
        return [self._candidate(written, "beam") for written in found]

    def copies(self, others: Sequence[Candidate]) -> list[Candidate]:
        """What the document holds at places like the gap, scored by the model."""
        proposals = copied(self._request, self._fill.strategy.copies)
        by_text = {each.text: each for each in others}
        known = [
            replace(by_text[p.texts[0]], copy=p.copy) for p in proposals if p.texts[0] in by_text
        ]
        new = [p for p in proposals if p.texts[0] not in by_text and p.texts[0].strip()]
        if not new or self._read is None:
            return known
        self._fill.stop.check()
        with self._fill.cost.timed("judge"):
            scored = self._model.scores(
                self._prompt, self._read, self._ends, [p.texts[0] for p in new]
            )
        self._fill.cost.passes += 1
        return known + [
            Candidate(p.texts[0], written, COPIED, p.copy)
            for p, written in zip(new, scored, strict=True)
        ]

    def present(self) -> float | None:
        """The score of the text that the gap holds now; None where it holds none."""
        text = self._gap.text
        if not text or self._read is None:
            return None
        with self._fill.cost.timed("judge"):
            (scored,) = self._model.scores(self._prompt, self._read, self._ends, [text])
        self._fill.cost.passes += 1
        return scored.total

    def alone(self, candidate: Candidate) -> Weighed:
        """The first candidate as long as it has no rivals."""
        evidence = features(candidate, self._place, [candidate], candidate.text)
        return Weighed(candidate, evidence, self._fill.confidence.alone.of(evidence))

    def weigh(self, candidates: Sequence[Candidate], greedy: str) -> list[Weighed]:
        """The candidates of a search, each with its evidence and confidence."""
        joint = self._joint(candidates)
        weighed = []
        for candidate in candidates:
            evidence = features(candidate, self._place, candidates, greedy, joint)
            sure = self._fill.confidence.searched.of(evidence)
            weighed.append(Weighed(candidate, evidence, sure))
        return weighed

    def _joint(self, candidates: Sequence[Candidate]) -> dict[str, float]:
        """How likely the likeliest texts are together with what follows, read from left to right.

        The model that has read the suffix repeats it whatever is in the gap; one that has not is
        surprised by it after a text that does not lead there.
        """
        spoken = [each for each in candidates if each.text.strip()]
        likeliest = sorted(spoken, key=lambda each: -each.written.total)
        texts = [
            each.text
            for each in likeliest[: self._fill.strategy.second_opinions]
            if each.written.total >= likeliest[0].written.total - _CLOSE
        ]
        follows = following(self._place.suffix)
        if len(texts) < 2 or not follows.strip() or self._fill.control.out_of_time():
            return {}
        self._fill.stop.check()
        with self._fill.cost.timed("judge"):
            found = self._model.followed(self._place.prefix, texts, follows)
        self._fill.cost.passes += 2
        return {text: sum(both) for text, both in zip(texts, found, strict=True)}

    def _candidate(self, written: Written, source: str) -> Candidate:
        said = written.text(self._model.table, self._gap.max_lines)
        text = self._clip(said)
        if len(text) < len(said.rstrip()):
            written = self._within(written, text)
        return Candidate(text, written, source)

    def _within(self, written: Written, text: str) -> Written:
        """What was written as far as `text` goes, where the rules and not the model ended it."""
        most = len(self._prompt.rest) + len(text.encode("utf-8", "replace"))
        count = length = 0
        while count < len(written.tokens) and length < most:
            length += len(self._model.table.text_of(written.tokens[count]))
            count += 1
        if count == len(written.tokens) and written.last is not None:
            return written
        return replace(
            written, tokens=written.tokens[:count], log_probs=written.log_probs[:count], end=0.0
        )

    def _said(self, tokens: Sequence[int]) -> tuple[str, ...]:
        return tuple(self._model.table.text_of(each).decode("utf-8", "replace") for each in tokens)

    def _text_of(self, tokens: Sequence[int]) -> str:
        said = self._model.table.join(tuple(tokens))[len(self._prompt.rest) :]
        return said.decode("utf-8", "ignore")

    def _clip(self, text: str) -> str:
        """What of the text may be put into the gap; nothing where none of it may."""
        text = text.partition(_BROKEN)[0] if _BROKEN not in self._place.prefix else text
        return sound(self._site, text).text if text.strip() else ""

    def _is_over(self) -> Callable[[bytes], bool] | None:
        """Tells when a text of several lines has left its block."""
        if self._gap.max_lines == 1:
            return None
        skip = len(self._prompt.rest)

        def over(said: bytes) -> bool:
            text = said[skip:].decode("utf-8", "ignore")
            return block_end(text, self._place.line_head, self._place.suffix) is not None

        return over


_FOLLOWING = 80

_CLOSE = 6.0
"""No second opinion is asked of a text that is so many nats less likely than the likeliest."""


def following(suffix: str) -> str:
    """The next lines of a suffix, about as much as tells where a text must lead."""
    near = suffix[:_FOLLOWING]
    whole = near.rfind("\n") + 1
    return near[:whole] if whole and len(suffix) > _FOLLOWING else near


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each text once: the first, with the likelier score and with what a copy knows."""
    found: dict[str, Candidate] = {}
    for each in candidates:
        key = each.text.strip()
        first = found.setdefault(key, each)
        likelier = max(first, each, key=lambda one: one.written.total)
        found[key] = replace(first, written=likelier.written, copy=first.copy or each.copy)
    return list(found.values())


def _fill(weighed: Weighed) -> Fill:
    candidate = weighed.candidate
    return Fill(
        (candidate.text,),
        candidate.written.total,
        weighed.confidence,
        candidate.source,
        len(candidate.written.tokens),
        weighed.features,
    )
