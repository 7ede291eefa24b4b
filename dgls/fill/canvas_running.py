"""The state of one canvas fill: its inputs, its cost so far, and its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dgls.canvas.types import Canvas
from dgls.fill.control import control_of
from dgls.fill.proposals.warm_start import LastDrafts
from dgls.fill.ranking import clipped, single_gap
from dgls.fill.soundness import Soundness
from dgls.fill.stages import Stages
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.inference.model import FilledCanvas, Model, OnCanvas
from dgls.inference.prefix_cache import Prefix
from dgls.protocol import Draft, FillRequest, OnDraft
from dgls.syntax.brackets import within_brackets
from dgls.syntax.languages import language_named


@dataclass(slots=True)
class Tally:
    """What a fill has cost so far."""

    stages: Stages = field(default_factory=Stages)
    steps: int = 0
    complete: bool = True


class CanvasRunning:
    """The state of one fill; lives as long as its request."""

    def __init__(
        self,
        model: Model,
        strategy: Strategy,
        drafts: LastDrafts,
        request: FillRequest,
        stop: StopToken,
        on_draft: OnDraft | None,
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.drafts = drafts
        # Read now, because this fill will overwrite the last draft with its own.
        self.rest = drafts.rest(request) if strategy.warm else ""
        self.request = request
        self.stop = stop
        self.on_draft = on_draft
        self.tally = Tally()
        self.known = "".join(request.parts)
        self.is_sound = Soundness(request)
        self.control = control_of(request, stop)

    def encode(self, canvas: Canvas) -> Prefix:
        """The encoded prompt of a canvas."""
        self.stop.check()
        with self.tally.stages.timed("encode"):
            return self.model.encode(canvas.prompt)

    def canvas_of(self, index: int, texts: Sequence[str]) -> Canvas:
        """The canvas of gap `index` alone, with `texts` in the gaps before it."""
        return self.model.layout.build(single_gap(self.request, index, texts))

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The text of each gap in a canvas with these tokens."""
        texts = self.model.layout.texts(canvas, tokens)
        return tuple(self.clip(index, text) for index, text in enumerate(texts))

    def clip(self, index: int, text: str) -> str:
        """The part of a text that gap `index` can hold."""
        tail = self.request.parts[index + 1].partition("\n")[0]
        text = within_brackets(text, tail, language_named(self.request.language))
        return clipped(text, self.request.gaps[index], self.known)

    def in_time(self) -> bool:
        """Whether time is left; records that it ran out."""
        if self.control.out_of_time():
            self.tally.complete = False
        return not self.control.out_of_time()

    def count(self, result: FilledCanvas) -> None:
        """Add the cost of denoising; the canvases of a batch share their steps."""
        self.tally.steps += result.steps
        self.tally.complete &= result.complete

    def keep(self, texts: tuple[str, ...]) -> None:
        """Keep a draft as a warm start, in case the user types along it."""
        self.drafts.keep(self.request, texts[0])

    def tell(self, step: int, texts: tuple[str, ...]) -> None:
        """Pass a draft on to the request's observer."""
        if self.on_draft is not None:
            self.on_draft(Draft(step, texts))

    def teller(self, canvas: Canvas) -> OnCanvas | None:
        """A callback that passes each step's canvas on; steps count over all proposals."""
        on_draft = self.on_draft
        if on_draft is None:
            return None
        before = self.tally.steps

        def tell(step: int, tokens: tuple[int, ...], accepted: tuple[bool, ...]) -> None:
            decode = self.model.codec.decode
            shown = [
                decode([token])
                for token, pinned in zip(tokens, canvas.pinned, strict=True)
                if not pinned
            ]
            texts = self.texts(canvas, tokens)
            on_draft(Draft(before + step, texts, tuple(shown), accepted))

        return tell
