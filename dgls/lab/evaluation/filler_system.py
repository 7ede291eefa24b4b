"""A measured causal model as systems: as in an editor, and without search and copies."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dgls import __version__
from dgls.errors import InputError
from dgls.fill.causal import CausalFiller
from dgls.fill.running import CausalStrategy
from dgls.fill.stop import StopToken
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.model_systems import request_of
from dgls.lab.evaluation.systems import Answer
from dgls.protocol import READ_AHEAD, Trigger
from dgls.syntax.cursor import Budget

CAUSAL_SYSTEMS = ("dgls", "typed", "greedy")
"""`dgls`: an explicit request. `typed`: an automatic one, with less search.

`greedy`: only greedy decoding.
"""


@dataclass(frozen=True)
class FillerSystem:
    """Fills in this process, with the text around the gap that an editor would send."""

    name: str
    filler: CausalFiller
    identity: str
    budget: Budget
    trigger: Trigger = Trigger.EXPLICIT
    seed: int = 0

    @property
    def settings(self) -> str:
        """Everything that the answers depend on."""
        return f"{self.identity} {self.name} {self.budget} seed {self.seed} dgls {__version__}"

    @property
    def threshold(self) -> float | None:
        """The threshold that was fitted for the model."""
        return self.filler.threshold

    def fill(self, case: Case) -> Answer:
        """The best candidate; `ms` is the engine's time, without cutting the context."""
        request = request_of(case, self.budget, self.seed)
        if self.trigger is Trigger.AUTOMATIC:
            # During typing the whole prompt has been read before.
            self.filler.fill(replace(request, limits=READ_AHEAD), StopToken())
        reply = self.filler.fill(replace(request, trigger=self.trigger), StopToken())
        best = reply.best
        return Answer(
            texts=best.texts,
            confidence=best.confidence,
            score=best.score,
            tokens=best.tokens,
            steps=reply.steps,
            ms=reply.timings.total_ms,
            proposal=best.proposal,
            written=reply.written,
            passes=reply.steps,
        )


def causal_system(name: str, filler: CausalFiller, identity: str, budget: Budget) -> FillerSystem:
    """One of `CAUSAL_SYSTEMS`. Raises `InputError` for other names."""
    if name == "dgls":
        return FillerSystem(name, filler, identity, budget)
    if name == "typed":
        return FillerSystem(name, filler, identity, budget, Trigger.AUTOMATIC)
    if name == "greedy":
        alone = replace(CausalStrategy(), certain=0.0, beams=1, copies=0, second_opinions=0)
        return FillerSystem(name, filler.with_strategy(alone), identity, budget)
    raise InputError(
        f"There is no system {name!r} of this model; nothing was measured. "
        f"There are {', '.join(CAUSAL_SYSTEMS)}."
    )
