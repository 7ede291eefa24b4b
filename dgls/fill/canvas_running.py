"""One fill with a canvas under way: what it has at hand, what it has cost, and its texts."""

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
    """One fill under way; lives as long as its request."""

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
        # Asked for now, because this fill's own drafts are kept as soon as they are there.
        self.rest = drafts.rest(request) if strategy.warm else ""
        self.request = request
        self.stop = stop
        self.on_draft = on_draft
        self.tally = Tally()
        self.known = "".join(request.parts)
        self.is_sound = Soundness(request)
        self.control = control_of(request, stop)

    def encode(self, canvas: Canvas) -> Prefix:
        """The prompt of a canvas, read."""
        self.stop.check()
        with self.tally.stages.timed("encode"):
            return self.model.encode(canvas.prompt)

    def canvas_of(self, index: int, texts: Sequence[str]) -> Canvas:
        """The canvas of one gap alone, when `texts` are in those before it."""
        return self.model.layout.build(single_gap(self.request, index, texts))

    def texts(self, canvas: Canvas, tokens: Sequence[int]) -> tuple[str, ...]:
        """The texts of the gaps in a canvas of these tokens."""
        texts = self.model.layout.texts(canvas, tokens)
        return tuple(self.clip(index, text) for index, text in enumerate(texts))

    def clip(self, index: int, text: str) -> str:
        """What of a text may be in a gap."""
        tail = self.request.parts[index + 1].partition("\n")[0]
        text = within_brackets(text, tail, language_named(self.request.language))
        return clipped(text, self.request.gaps[index], self.known)

    def in_time(self) -> bool:
        """Whether there is time for more; remembers that there was not."""
        if self.control.out_of_time():
            self.tally.complete = False
        return not self.control.out_of_time()

    def count(self, result: FilledCanvas) -> None:
        """Note what denoising cost; the canvases of a batch take their steps together."""
        self.tally.steps += result.steps
        self.tally.complete &= result.complete

    def keep(self, texts: tuple[str, ...]) -> None:
        """Keep a draft: typing may go on along it."""
        self.drafts.keep(self.request, texts[0])

    def tell(self, step: int, texts: tuple[str, ...]) -> None:
        """Pass a draft on to who watches."""
        if self.on_draft is not None:
            self.on_draft(Draft(step, texts))

    def teller(self, canvas: Canvas) -> OnCanvas | None:
        """What passes each step's canvas on as a draft, steps counted over all proposals."""
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
