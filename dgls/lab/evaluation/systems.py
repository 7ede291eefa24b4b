"""What is compared: anything that fills a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dgls.lab.evaluation.cases import Case

REFUSED = "refused"
"""The proposal of an answer that is empty because the system could not take the case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system filled in: one text for each gap.

    `confidence` is its own estimate in 0..1 of being right. `score` is a summed log-probability
    in nats, higher is better, over `tokens` tokens; 0 for systems that have none. `steps` counts
    denoise steps, `ms` the wall-clock milliseconds of the whole fill. `written` is how many tokens
    the causal stream wrote in `passes` passes of the model; 0 where the system does not say.
    """

    texts: tuple[str, ...]
    confidence: float = 0.0
    score: float = 0.0
    tokens: int = 0
    steps: int = 0
    ms: float = 0.0
    proposal: str = ""
    written: int = 0
    passes: int = 0


class System(Protocol):
    """One way to fill. The same case and settings give the same texts."""

    @property
    def name(self) -> str:
        """The name in tables."""

    @property
    def settings(self) -> str:
        """All that its answers depend on besides the case: another text means another run."""

    @property
    def threshold(self) -> float | None:
        """The least confidence at which it shows a fill; None where it was never fitted."""

    def fill(self, case: Case) -> Answer:
        """Fill the gaps of `case` without a look at its truth.

        Where `ms` is 0 the caller's clock counts.
        """
