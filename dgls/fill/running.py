"""The state of one fill with a causal model, and its cost so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from dgls.canvas.fim import FimPrompt
from dgls.fill.confidence import Confidence
from dgls.fill.control import control_of
from dgls.fill.prompt_choice import PromptChoice
from dgls.fill.proposals.warm_start import LastDrafts
from dgls.fill.stages import Stages
from dgls.fill.stop import StopToken
from dgls.inference.causal_model import CausalModel
from dgls.inference.control import RunControl
from dgls.protocol import WRITTEN, Draft, FillRequest, OnDraft, Trigger


@dataclass(frozen=True, slots=True)
class CausalStrategy:
    """The limits of a fill.

    For an automatic request, the first text is the answer at once if its confidence is at least
    `enough`, or below `hopeless`, where it would hardly be shown. In between it is compared with
    copies. Writing stops early when the text's log-probability falls below `unlikely` nats.

    An explicit request may take longer. Its first text is the answer only if its confidence is at
    least `certain`. Otherwise a beam search of width `beams` looks for others in gaps of one line;
    it drops a beam that is more than `beam_margin` nats less likely than the best. The likeliest
    `second_opinions` texts are then judged by how well they lead to what follows.

    `copies` is the most texts of the document that are scored. `line_tokens` and `block_tokens`
    limit a fill of one line and of several lines.
    """

    enough: float = 0.8
    hopeless: float = 0.25
    unlikely: float = -3.0
    certain: float = 0.9
    beams: int = 4
    beam_margin: float = 2.0
    copies: int = 3
    second_opinions: int = 3
    line_tokens: int = 64
    block_tokens: int = 192


@dataclass(slots=True)
class Cost:
    """The cost so far: time by stage, passes, and the tokens that they wrote."""

    stages: Stages = field(default_factory=Stages)
    passes: int = 0
    stream_passes: int = 0
    stream_tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    complete: bool = True


@dataclass(slots=True)
class Running:
    """The state of one fill; lives as long as its request."""

    model: CausalModel
    confidence: Confidence
    strategy: CausalStrategy
    drafts: LastDrafts
    prompting: PromptChoice
    request: FillRequest
    stop: StopToken
    on_draft: OnDraft | None
    cost: Cost = field(default_factory=Cost)
    is_brief: bool = False
    control: RunControl = field(init=False)

    def __post_init__(self) -> None:
        self.control = control_of(self.request, self.stop)

    @property
    def is_automatic(self) -> bool:
        """Whether the request came from typing."""
        return self.request.trigger is Trigger.AUTOMATIC

    def prompt(self, request: FillRequest) -> FimPrompt:
        """The prompt of one gap: always the whole one for an explicit request or several gaps."""
        alone = len(self.request.gaps) == 1
        prompt, self.is_brief = self.prompting.prompt(
            request, may_be_brief=self.is_automatic and alone
        )
        return prompt

    @property
    def threshold(self) -> float:
        """The lowest confidence at which the fill should be shown unasked."""
        fitted = self.confidence.threshold
        return max(fitted, _BRIEF_THRESHOLD) if self.is_brief else fitted

    def tell(
        self,
        texts: tuple[str, ...],
        accepted: tuple[str, ...],
        refused: tuple[str, ...],
        ahead: tuple[str, ...],
    ) -> None:
        """Pass a draft on to the observer: what the pass wrote and refused, and what comes next."""
        if self.on_draft is not None:
            flags = (True,) * len(accepted) + (False,) * len(refused)
            tokens = (*accepted, *refused)
            self.on_draft(Draft(self.cost.stream_passes, texts, tokens, flags, WRITTEN, ahead))


_BRIEF_THRESHOLD = 0.8
"""The threshold after a brief prompt; higher, because the model saw half of the context."""
