"""Fills nothing: how many cases are right, or parse, without any text."""

from __future__ import annotations

from dataclasses import dataclass

from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.systems import Answer


@dataclass(frozen=True, slots=True)
class Nothing:
    """Leaves every gap empty."""

    name: str = "nothing"
    settings: str = ""
    threshold: float | None = None

    def fill(self, case: Case) -> Answer:
        """Empty texts."""
        return Answer(texts=("",) * len(case.gaps), proposal=self.name)
