"""One fill by a vLLM server: canvases sent together, gaps cut out, judged, ranked."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dgls.canvas.types import OPEN_END, Canvas, Lengths
from dgls.checkpoint.confidence import Calibration, Evidence
from dgls.engine.backends.pseudo_likelihood import Scored, log_probs, reads, scored
from dgls.engine.backends.server import Server, in_time, too_late
from dgls.engine.backends.vllm_wire import COMPLETIONS, CanvasRead, CanvasReply, canvas_reply
from dgls.errors import InputError
from dgls.fill.ranking import clipped, ranked
from dgls.fill.stop import StopToken
from dgls.inference.served import ServedShape
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, Timings

MAX_LOG_PROBS = 32
"""The log-probabilities requested per position, which the server must allow."""

_HASTY_STEPS = 4
"""The steps of a quick canvas, which is the answer if a deadline finds nothing better."""

_DENOISE_SHARE = 0.8
"""The share of the time until a deadline for denoising; the judge gets the rest."""

_CALIBRATION = Calibration()
_UNFITTED = 0.5
"""The confidence threshold for these fills.

A checkpoint's own calibration and threshold were fitted to the scores of the causal judge, which
these are not. So the confidence is unfitted, and what is more likely right than wrong is shown.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of fills: the lengths, the noise draws of each, and the most steps."""

    lengths: Lengths
    draws: int = 1
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Served:
    """A model on a server: its address, name and shape, and the width of its canvas."""

    server: Server
    name: str
    shape: ServedShape
    canvas: int
    plan: Plan

    @property
    def title(self) -> str:
        """The model's name in replies and the status, with the host that code is sent to."""
        return f"{self.name} at {self.server.host}"

    async def read(self, canvas: CanvasRead) -> CanvasReply:
        """The canvas, denoised by the server. Cancelling the call cancels it there too."""
        fields = await self.server.post(COMPLETIONS, canvas.body(self.name))
        return canvas_reply(fields, len(canvas.seed))


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A canvas from the server: the gaps' texts, and the server's own log-probabilities."""

    texts: tuple[str, ...]
    own: tuple[float, ...]
    hasty: bool


class VllmFill:
    """The fill of one request."""

    def __init__(
        self, served: Served, request: FillRequest, stop: StopToken, on_draft: OnDraft | None
    ) -> None:
        self._served = served
        self._shape = served.shape
        self._request = request
        self._stop = stop
        self._on_draft = on_draft
        self._known = "".join(request.parts)
        self._noise = random.Random(request.seed)
        self._cached = 0
        limit = request.limits.deadline_ms
        self._limit_s = None if limit is None else limit / 1000

    def run(self) -> FillReply:
        """The reply. Raises `Stopped`, also if there is no draft at the deadline."""
        began = time.monotonic()
        canvases = self._canvases()
        if not self._request.limits.candidates:
            self._call(self._served.read(self._warming(canvases[0])))
            return self._reply(canvases[0], [], _timings(began, began, began), complete=True)
        drafts, complete = self._drafts(canvases, began)
        drafted = time.monotonic()
        fills, judged = self._judged(drafts, began)
        timings = _timings(began, drafted, time.monotonic())
        return self._reply(canvases[0], fills, timings, complete=complete and judged)

    def _canvases(self) -> tuple[Canvas, ...]:
        """The canvases of all lengths that fit the server's. Raises `InputError` if none fits."""
        lengths: Lengths | None = self._served.plan.lengths
        while lengths is not None:
            canvases = self._shape.layout.canvases(self._request, lengths)
            width = len(canvases[0].tokens)
            if width <= self._served.canvas:
                return canvases
            lengths = _shorter(lengths)
        raise InputError(
            f"The gaps and what lies between them need a canvas of {width} tokens, but the "
            f"server's holds {self._served.canvas}; nothing was changed. Fill fewer gaps or "
            f"select less."
        )

    def _warming(self, canvas: Canvas) -> CanvasRead:
        """A read that only puts the prompt into the server's cache."""
        return CanvasRead(canvas.prompt, canvas.tokens[:1], steps=1)

    def _drafts(self, canvases: Sequence[Canvas], began: float) -> tuple[list[_Drafted], bool]:
        """The canvases that arrived in time, and whether those were all."""
        steps = self._served.plan.steps
        wanted = [(canvas, steps) for canvas in canvases for _ in range(self._served.plan.draws)]
        if self._limit_s is not None:
            wanted.append((canvases[0], min(_HASTY_STEPS, steps or _HASTY_STEPS)))
        calls = [
            self._drafted(canvas, most, hasty=index >= len(canvases) * self._served.plan.draws)
            for index, (canvas, most) in enumerate(wanted)
        ]
        limits = self._left(began, _DENOISE_SHARE), self._left(began, 1.0)
        found = self._call(in_time(calls, *limits))
        there = [draft for draft in found if draft is not None]
        thorough = [draft for draft in there if not draft.hasty]
        if not there:
            raise too_late(self._served.server.host, 1000 * (self._limit_s or 0.0))
        complete = len(thorough) == len(canvases) * self._served.plan.draws
        return thorough or there, complete

    async def _drafted(self, canvas: Canvas, steps: int | None, *, hasty: bool) -> _Drafted:
        pinned = tuple(at for at, held in enumerate(canvas.pinned) if held)
        seed = self._seeded(canvas)
        reply = await self._served.read(CanvasRead(canvas.prompt, seed, pinned, steps))
        self._cached = max(self._cached, reply.cached)
        draft = self._spliced(canvas, reply, hasty=hasty)
        if self._on_draft is not None:
            self._on_draft(Draft(0, draft.texts))
        return draft

    def _seeded(self, canvas: Canvas) -> tuple[int, ...]:
        """The canvas with noise in its open positions, except for kept tokens of the old text."""
        tokens = list(canvas.tokens)
        for span, gap in zip(canvas.gaps, self._request.gaps, strict=True):
            for at in range(span.start, span.end):
                if not canvas.seeded[at] or self._noise.random() < gap.strength:
                    tokens[at] = self._noise.randrange(self._shape.vocabulary)
        return tuple(tokens)

    def _spliced(self, canvas: Canvas, reply: CanvasReply, *, hasty: bool) -> _Drafted:
        """Only the gaps' texts: at pinned positions the server returns the model's own tokens."""
        held = zip(canvas.pinned, canvas.tokens, reply.tokens, strict=True)
        tokens = [mine if pinned else theirs for pinned, mine, theirs in held]
        texts = tuple(
            clipped(text, gap, self._known)
            for text, gap in zip(
                self._shape.layout.texts(canvas, tokens), self._request.gaps, strict=True
            )
        )
        own: list[float] = []
        for span, text in zip(canvas.gaps, texts, strict=True):
            length = min(len(span), len(self._shape.layout.target([text])))
            own += reply.log_probs[span.start : span.start + length]
        return _Drafted(texts, tuple(own), hasty)

    def _judged(self, drafts: Sequence[_Drafted], began: float) -> tuple[list[Fill], bool]:
        """A fill of each distinct text, scored by reads, or without time by the server."""
        distinct = list({draft.texts: draft for draft in reversed(drafts)}.values())[::-1]
        put = {draft.texts: self._put(draft.texts) for draft in distinct}
        there = {texts: fill for texts, fill in put.items() if fill is not None}
        calls = [self._scores(fill) for fill in there.values()]
        left = self._left(began, 1.0)
        found = self._call(in_time(calls, left)) if calls else []
        scores = {texts: each for texts, each in zip(there, found, strict=True) if each is not None}
        if scores:
            return [self._fill(texts, values) for texts, values in scores.items()], (
                len(scores) == len(there)
            )
        return [self._fill(draft.texts, draft.own) for draft in distinct], not there

    def _put(self, texts: tuple[str, ...]) -> Scored | None:
        """The canvas that holds the texts exactly; None if no canvas does or none is needed."""
        if not any(texts):
            return None
        gaps = tuple(
            replace(gap, text=text) for gap, text in zip(self._request.gaps, texts, strict=True)
        )
        try:
            canvas = self._shape.layout.canvases(
                replace(self._request, gaps=gaps), self._served.plan.lengths
            )[0]
        except InputError:
            return None
        if len(canvas.tokens) > self._served.canvas:
            return None
        return scored(canvas, [self._shape.layout.target([text]) for text in texts])

    async def _scores(self, fill: Scored) -> tuple[float, ...]:
        wanted = reads(fill, self._shape.vocabulary, MAX_LOG_PROBS, self._noise)
        replies = await asyncio.gather(*map(self._served.read, wanted))
        return log_probs(fill, MAX_LOG_PROBS, replies)

    def _fill(self, texts: tuple[str, ...], values: Sequence[float]) -> Fill:
        score = sum(values)
        confidence = _CALIBRATION.confidence(Evidence(score, len(values)))
        tokens = sum(len(self._shape.codec.encode(text)) for text in texts)
        return Fill(texts, score, confidence if any(texts) else 0.0, "noise", tokens)

    def _reply(
        self, canvas: Canvas, fills: Sequence[Fill], timings: Timings, *, complete: bool
    ) -> FillReply:
        most = self._request.limits.candidates
        return FillReply(
            candidates=ranked(fills, most, by_confidence=False) if fills else (),
            model=self._served.title,
            complete=complete,
            prompt_tokens=len(canvas.prompt),
            cached_tokens=self._cached,
            threshold=_UNFITTED,
            timings=timings,
        )

    def _call(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self._served.server.run(call, self._stop)

    def _left(self, began: float, share: float) -> float | None:
        """Seconds until that share of the deadline's time is spent; None without a deadline."""
        if self._limit_s is None:
            return None
        return max(0.0, began + share * self._limit_s - time.monotonic())


def _shorter(lengths: Lengths) -> Lengths | None:
    """The lengths without the longest; None if only an open end would be left."""
    longest = max((*lengths.line, *lengths.block), default=OPEN_END)
    if longest == OPEN_END:
        return None
    return Lengths(
        tuple(slots for slots in lengths.line if slots < longest),
        tuple(slots for slots in lengths.block if slots < longest),
    )


def _timings(began: float, drafted: float, ended: float) -> Timings:
    return Timings(
        denoise_ms=1000 * (drafted - began),
        judge_ms=1000 * (ended - drafted),
        total_ms=1000 * (ended - began),
    )
