"""The results of a run as plain data: everything in the Markdown and JSON reports."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from dgls.lab.evaluation.confidence import Reliability, Shown
from dgls.lab.evaluation.statistics import Comparison, Interval


@dataclass(frozen=True, slots=True)
class About:
    """What was measured: the suite and its settings, the systems, the machine and the date."""

    suite: str
    cases: int
    seed: int
    executed: bool
    machine: str


@dataclass(frozen=True, slots=True)
class Row:
    """One system over some cases. Lengths are in characters, `ms` in wall-clock milliseconds.

    `length_bias` is the mean of the filled length minus the true one, `length_error` the mean of
    its absolute value. `shown` is the result of the system's own threshold; `best_shown` that of
    the best threshold for exactly these cases, an upper bound for thresholds chosen before.
    `tokens_a_pass` are the causal stream's, None if the system does not tell.
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
    """One system over a group of cases: a kind, a language, or all.

    `at` is the result at each of `COVERAGES` by the group's most confident fills; None if the
    confidence is constant. `shown` is the result of the system's threshold, None if it has none.
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
"""The coverages at which a report tells how many of the shown fills are right."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of right fills in a group of cases of one system."""

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
    """The reliability of a system's confidence, and the result of showing its surest fills."""

    system: str
    reliability: Reliability
    coverage: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One case as filled by the reference and the system `against`; `winner` was right."""

    case: str
    against: str
    truth: tuple[str, ...]
    reference: tuple[str, ...]
    other: tuple[str, ...]
    winner: str


@dataclass(frozen=True, slots=True)
class Report:
    """All results."""

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
        """The results as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
