"""What a run found, as plain data: everything that the Markdown and JSON reports say."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from dgls.lab.evaluation.confidence import Reliability, Shown
from dgls.lab.evaluation.statistics import Comparison, Interval


@dataclass(frozen=True, slots=True)
class About:
    """What was measured: the suite and its settings, with what, on which machine and when."""

    suite: str
    cases: int
    seed: int
    executed: bool
    machine: str


@dataclass(frozen=True, slots=True)
class Row:
    """One system over some cases. Lengths are in characters, `ms` in wall-clock milliseconds.

    `length_bias` is the mean of what was filled less the truth, `length_error` the mean of its
    absolute value. `shown` is what the system's own threshold shows, `best_shown` what the best
    threshold for these very cases would show, a bound that no threshold chosen before reaches.
    `tokens_a_pass` are the causal stream's, None where the system does not tell them.
    """

    system: str
    cases: int
    exact: Interval
    passed: Interval | None
    similarity: float
    syntax: float
    steps: float
    ms_p50: float
    ms_p90: float
    length_bias: float
    length_error: float
    shown: Shown | None
    best_shown: Shown | None
    tokens_a_pass: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One system over the cases that have something in common: a kind, a language, or all.

    `at` is what is shown at each of `COVERAGES` by the group's own surest fills; None where the
    confidence says nothing. `shown` is what the system's threshold shows, None where it has none.
    """

    system: str
    what: str
    cases: int
    exact: float
    passed: float | None
    at: tuple[Shown | None, ...]
    shown: Shown | None
    ms_p50: float
    ms_p90: float
    tokens_a_pass: float | None


COVERAGES = (0.35, 0.5)
"""The shares of all fills at which a report says how many of those shown are right."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of right fills among the cases of one system that have something in common."""

    system: str
    what: str
    cases: int
    exact: float
    passed: float | None


@dataclass(frozen=True, slots=True)
class Duel:
    """The reference against another system on the same cases, by exact match or by the tests."""

    reference: str
    other: str
    measure: str
    what: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Trust:
    """How one system's confidence held, and what showing its most confident fills gives."""

    system: str
    reliability: Reliability
    coverage: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One case as the reference and the system `against` filled it; `winner` was right."""

    case: str
    against: str
    truth: tuple[str, ...]
    reference: tuple[str, ...]
    other: tuple[str, ...]
    winner: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings."""

    about: About
    rows: tuple[Row, ...]
    kinds: tuple[Group, ...]
    languages: tuple[Group, ...]
    language_kinds: tuple[Share, ...]
    lengths: tuple[Share, ...]
    proposals: tuple[Share, ...]
    duels: tuple[Duel, ...]
    trust: tuple[Trust, ...]
    examples: tuple[Example, ...]

    def to_json(self) -> str:
        """The findings as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
