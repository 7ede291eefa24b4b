"""The candidates of one gap: written, searched, copied, scored and weighed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dgls.canvas.fim import FimPrompt
from dgls.fill.block import left_block_at
from dgls.fill.evidence import Candidate, Place, features
from dgls.fill.proposals.copied import copied
from dgls.fill.ranking import COPIED
from dgls.fill.running import Running
from dgls.fill.soundness import site_of
from dgls.inference.beams import BeamLimits
from dgls.inference.prompt_cache import ReadPrompt
from dgls.inference.written import Ends, Written
from dgls.protocol import FillRequest
from dgls.sound.clean import sound
from dgls.sound.site import Site


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate with its features and the confidence that they give."""

    candidate: Candidate
    features: dict[str, float]
    confidence: float


_BROKEN = "\N{REPLACEMENT CHARACTER}"
"""What decoding gives for an incomplete character."""


class GapWork:
    """Makes and weighs the candidates of one gap."""

    def __init__(self, fill: Running, request: FillRequest, site: Site | None = None) -> None:
        """`site` is the gap's site, if the caller has it already; computing it parses the text."""
        self._fill = fill
        self._model = fill.model
        self._request = request
        self._gap = request.gaps[0]
        prefix, suffix = fill.model.layout.surroundings(request)
        self._place = Place(prefix, suffix, self._gap.max_lines)
        self._site = site or site_of(request)
        self._prompt: FimPrompt = fill.prompt(request)
        most = fill.strategy.line_tokens if self._gap.max_lines == 1 else fill.strategy.block_tokens
        self._ends: Ends = fill.model.ends(
            self._gap.max_lines,
            most + len(self._prompt.healed),
            self._is_over(),
            fill.strategy.unlikely if fill.is_automatic else -math.inf,
        )
        self._read: ReadPrompt | None = None

    def write(self, offset: tuple[str, ...] = ()) -> Candidate:
        """The text that the model writes greedily; kept as drafts for the next keystroke."""
        fill, rest = self._fill, self._fill.drafts.rest(self._request)
        kept = self._model.layout.text(self._prompt, rest) if rest else ()

        known = 0

        def told(tokens: Sequence[int], refused: Sequence[int], ahead: Sequence[int]) -> None:
            nonlocal known
            fill.cost.stream_passes += 1
            if fill.on_draft is not None:
                after = ("",) * (len(fill.request.gaps) - len(offset) - 1)
                texts = (*offset, self._text_of(tokens), *after)
                new, said = tokens[known:], self._model.table.shown
                fill.tell(texts, said(new), said(refused), said(ahead))
            known = len(tokens)

        with fill.cost.stages.timed("draft"):
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
        """The texts that a beam search finds beside the first text.

        Empty for a gap of several lines, where a search costs too much.
        """
        strategy = self._fill.strategy
        if self._gap.max_lines > 1 or strategy.beams < 2 or self._read is None:
            return []
        with self._fill.cost.stages.timed("draft"):
            found = self._model.beams(
                self._prompt,
                self._read,
                self._ends,
                BeamLimits(strategy.beams, first.written.total, strategy.beam_margin),
                self._fill.control,
            )
        self._fill.cost.passes += found[0].passes if found else 0
        return [self._candidate(written, "beam") for written in found]

    def copies(self, others: Sequence[Candidate]) -> list[Candidate]:
        """Texts from similar places in the document, scored by the model."""
        proposals = copied(self._request, self._fill.strategy.copies)
        by_text = {each.text: each for each in others}
        known = [
            replace(by_text[p.texts[0]], copy=p.copy) for p in proposals if p.texts[0] in by_text
        ]
        new = [p for p in proposals if p.texts[0] not in by_text and p.texts[0].strip()]
        if not new or self._read is None:
            return known
        self._fill.stop.check()
        with self._fill.cost.stages.timed("judge"):
            scored = self._model.scores(
                self._prompt, self._read, self._ends, [p.texts[0] for p in new]
            )
        self._fill.cost.passes += 1
        return known + [
            Candidate(p.texts[0], written, COPIED, p.copy)
            for p, written in zip(new, scored, strict=True)
        ]

    def present(self) -> float | None:
        """The score of the text that the gap holds now; None if it is empty."""
        text = self._gap.text
        if not text or self._read is None:
            return None
        with self._fill.cost.stages.timed("judge"):
            (scored,) = self._model.scores(self._prompt, self._read, self._ends, [text])
        self._fill.cost.passes += 1
        return scored.score

    def alone(self, candidate: Candidate) -> Weighed:
        """The first candidate, weighed without rivals."""
        evidence = features(candidate, self._place, [candidate], candidate.text)
        return Weighed(candidate, evidence, self._fill.confidence.alone.of(evidence))

    def weigh(
        self, candidates: Sequence[Candidate], greedy: str, joint: Mapping[str, float]
    ) -> list[Weighed]:
        """The candidates of a search, each with its features and confidence."""
        weighed = []
        for candidate in candidates:
            evidence = features(candidate, self._place, candidates, greedy, joint)
            sure = self._fill.confidence.searched.of(evidence)
            weighed.append(Weighed(candidate, evidence, sure))
        return weighed

    def joint(self, candidates: Sequence[Candidate]) -> dict[str, float]:
        """The log-probability in nats of each of the likeliest texts together with what follows.

        It is read from left to right. A model that has read the suffix predicts it after any text
        in the gap. A model that has not is surprised by the suffix after a text that does not lead
        there.
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
        with self._fill.cost.stages.timed("judge"):
            found = self._model.followed(self._place.prefix, texts, follows)
        self._fill.cost.passes += 2
        return {text: sum(both) for text, both in zip(texts, found, strict=True)}

    def _candidate(self, written: Written, source: str) -> Candidate:
        said = written.text(self._model.table, self._gap.max_lines)
        text = self._clip(said[: self._left(said)])
        if len(text) < len(said.rstrip()):
            written = self._within(written, text)
        return Candidate(text, written, source)

    def _within(self, written: Written, text: str) -> Written:
        """The part of the written tokens that makes up `text`, the model's text cut by a rule."""
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

    def _text_of(self, tokens: Sequence[int]) -> str:
        said = self._model.table.join(tokens)[len(self._prompt.rest) :]
        return said.decode("utf-8", "ignore")

    def _clip(self, text: str) -> str:
        """The part of the text that the gap may hold; may be empty."""
        text = text.partition(_BROKEN)[0] if _BROKEN not in self._place.prefix else text
        return sound(self._site, text).text if text.strip() else ""

    def _is_over(self) -> Callable[[bytes], bool] | None:
        """Tells when a text of several lines has left its block; None for a gap of one line."""
        if self._gap.max_lines == 1:
            return None
        skip = len(self._prompt.rest)

        def over(said: bytes) -> bool:
            return self._left(said[skip:].decode("utf-8", "ignore")) is not None

        return over

    def _left(self, text: str) -> int | None:
        """The index at which a text of several lines leaves its block; None if it does not."""
        if self._gap.max_lines == 1:
            return None
        return left_block_at(text, self._place.line_head, self._place.suffix)


_FOLLOWING = 80

_CLOSE = 6.0
"""A text this many nats less likely than the likeliest gets no second opinion."""


def following(suffix: str) -> str:
    """The next lines of a suffix, enough to tell where a text must lead."""
    near = suffix[:_FOLLOWING]
    whole = near.rfind("\n") + 1
    return near[:whole] if whole and len(suffix) > _FOLLOWING else near


def merged(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each distinct text once: the first, with the best score and the copy's evidence."""
    found: dict[str, Candidate] = {}
    for each in candidates:
        key = each.text.strip()
        first = found.setdefault(key, each)
        likelier = max(first, each, key=lambda one: one.written.total)
        found[key] = replace(first, written=likelier.written, copy=first.copy or each.copy)
    return list(found.values())
