"""The results of a run over the cases, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from dgls.lab.evaluation.faults.cases import FaultCase, FaultKind
from dgls.lab.evaluation.runner import OnDone


@dataclass(frozen=True, slots=True)
class Fault:
    """A failed case, and the reason."""

    case: str
    what: str


@dataclass(frozen=True, slots=True)
class Row:
    """The cases of one kind: counts, languages, and those where an answer must be shown."""

    kind: FaultKind
    cases: int
    languages: int
    must_show: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class FaultReport:
    """All kinds. `subject` is the model, or what was judged instead."""

    subject: str
    rows: tuple[Row, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All failed cases."""
        return tuple(fault for row in self.rows for fault in row.faults)

    def to_json(self) -> str:
        """The results as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    def to_text(self) -> str:
        """A Markdown table, then the faults."""
        lines = [
            f"{self.subject}: {len(self.faults)} faults in {sum(row.cases for row in self.rows)} "
            f"cases",
            "",
            "| kind | cases | languages | must be shown | faults |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row.kind} | {row.cases} | {row.languages} | {row.must_show} | {len(row.faults)} |"
            for row in self.rows
        ]
        lines += [f"\n{fault.case}: {fault.what}" for fault in self.faults]
        return "\n".join(lines)


def judged(
    subject: str,
    cases: Sequence[FaultCase],
    what_is_wrong: Callable[[FaultCase], str],
    on_done: OnDone = lambda what, count: None,
) -> FaultReport:
    """The report on cases, each judged by `what_is_wrong`, which gives "" if nothing is.

    `on_done` is called after each case.
    """
    wrong = {}
    for case in cases:
        wrong[case.name] = what_is_wrong(case)
        on_done(case.kind.value, 1)
    rows = []
    for kind in dict.fromkeys(case.kind for case in cases):
        own = [case for case in cases if case.kind is kind]
        faults = tuple(Fault(case.name, wrong[case.name]) for case in own if wrong[case.name])
        languages = len({case.language for case in own})
        must_show = sum(case.must_show for case in own)
        rows.append(Row(kind, len(own), languages, must_show, faults))
    return FaultReport(subject, tuple(rows))
