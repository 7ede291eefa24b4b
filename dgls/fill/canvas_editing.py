"""An edit by instruction with a chat-tuned diffusion model, one canvas after another.

Each canvas is denoised from noise after the prompt and all earlier canvases, until the answer's
code block is closed. The published model writes long answers the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dgls.canvas.chat import ChatLayout
from dgls.canvas.instruct import conversation
from dgls.diffusion.loop import DenoiseSettings
from dgls.fill.control import control_of
from dgls.fill.editing import UNJUDGED, cannot_edit, closes, most_written
from dgls.fill.stages import Stages
from dgls.fill.stop import StopToken
from dgls.inference.control import RunControl
from dgls.inference.model import Model
from dgls.protocol import Fill, FillReply, FillRequest


def canvas_edit(
    model: Model, settings: DenoiseSettings, request: FillRequest, stop: StopToken
) -> FillReply:
    """The model's answer to the request's instruction.

    Raises `ModelError` if the model was not tuned to chat, `Stopped` if the request was stopped.
    When time runs out, the reply is not `complete`.
    """
    layout = model.layout
    if not isinstance(layout, ChatLayout):
        raise cannot_edit(model.name, "it was not trained to follow one")
    asked, stages = conversation(request), Stages()
    prompt = layout.conversation(f"{asked.system}\n\n{asked.user}", asked.begun)
    writing = _Writing(model, layout, settings, request.seed, control_of(request, stop))
    with stages.timed("total"), stages.timed("denoise"):
        most = most_written(len(model.codec.encode(asked.code)))
        complete = writing.run(prompt, most, asked.fence)
    stop.check()
    answer = asked.begun + model.codec.decode(writing.tokens)
    if writing.ended:
        answer += f"\n{asked.fence}"
    return FillReply(
        candidates=(Fill((answer,), 0.0, UNJUDGED, "edit", len(writing.tokens)),),
        model=model.name,
        complete=complete,
        steps=writing.steps,
        prompt_tokens=len(prompt),
        timings=stages.timings,
    )


@dataclass(slots=True)
class _Writing:
    """An answer so far: its `tokens`, and whether the model `ended` its turn."""

    model: Model
    layout: ChatLayout
    settings: DenoiseSettings
    seed: int
    control: RunControl
    tokens: list[int] = field(default_factory=list)
    steps: int = 0
    ended: bool = False

    def run(self, prompt: tuple[int, ...], most: int, fence: str) -> bool:
        """Write until the block is closed or `most` tokens are written; False if time ran out."""
        closed = closes(fence)
        while not self.ended and len(self.tokens) < most:
            complete = self._canvas((*prompt, *self.tokens))
            if closed(self.model.codec.decode(self.tokens).encode()):
                return True
            if not complete or self.control.out_of_time():
                return False
        return True

    def _canvas(self, prompt: tuple[int, ...]) -> bool:
        canvas = self.layout.open_canvas(prompt)
        (filled,) = self.model.denoise(
            self.model.encode(prompt), [canvas], [1.0], self.settings, self.seed, self.control
        )
        said = self.layout.said(filled.tokens)
        self.tokens += said
        self.steps += filled.steps
        self.ended = len(said) < len(filled.tokens)
        return filled.complete
