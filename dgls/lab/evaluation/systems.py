"""The interface of everything that fills a case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dgls.lab.evaluation.cases import Case

REFUSED = "refused"
"""The proposal of an answer that is empty because the system could not take the case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A system's answer: one text for each gap.

    `confidence` is its own estimate in 0..1 of being right. `score` is a summed log-probability in
    nats, higher is better, over `tokens` tokens; 0 for systems that have none. `steps` counts
    denoise steps, `ms` is the wall-clock time of the whole fill. `written` is how many tokens the
    causal stream wrote in `passes` passes of the model; 0 if the system does not tell.
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
        """All besides the case that its answers depend on; another value means another run."""

    @property
    def threshold(self) -> float | None:
        """The lowest confidence at which it shows a fill; None if it was never fitted."""

    def fill(self, case: Case) -> Answer:
        """Fill the gaps of `case` without reading its truth.

        If `ms` is 0 the caller's clock counts.
        """
