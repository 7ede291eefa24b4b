"""Lets every system fill every case, and scores the answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dgls.lab.evaluation.answers import Answers, Key, Verdicts
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.metrics import Scored, score
from dgls.lab.evaluation.systems import Answer, System

OnDone = Callable[[str, int], None]
"""Called with the task (a system, or the tests) and how many more cases are done."""


@dataclass(frozen=True, slots=True)
class Series:
    """One system's answers to all cases, in the order of the cases."""

    system: str
    threshold: float | None
    scored: tuple[Scored, ...]


@dataclass(frozen=True)
class Plan:
    """The plan of a run. Tests are run if `verdicts` is given."""

    cases: tuple[Case, ...]
    systems: tuple[System, ...]
    answers: Answers
    verdicts: Verdicts | None = None


def run(plan: Plan, on_done: OnDone = lambda what, count: None) -> tuple[Series, ...]:
    """Fill what was not filled before, run the tests if planned, and score everything.

    The systems run one after the other, so that none profits from another's cache.
    """
    found: list[Series] = []
    for system in plan.systems:
        answers: list[Answer] = []
        for case in plan.cases:
            answers.append(_answer(plan.answers, case, system))
            on_done(system.name, 1)
        found.append(Series(system.name, system.threshold, _scored(plan, answers, on_done)))
    return tuple(found)


def _answer(answers: Answers, case: Case, system: System) -> Answer:
    key = Key.of(case, system)
    kept = answers.get(key)
    if kept is not None:
        return kept
    began = time.perf_counter()
    answer = system.fill(case)
    if not answer.ms:
        answer = replace(answer, ms=1000 * (time.perf_counter() - began))
    answers.add(key, answer)
    return answer


def _scored(plan: Plan, answers: Sequence[Answer], on_done: OnDone) -> tuple[Scored, ...]:
    scored = []
    for case, answer in zip(plan.cases, answers, strict=True):
        scored.append(score(case, answer, _passed(plan.verdicts, case, answer)))
        if plan.verdicts is not None:
            on_done("tests", 1)
    return tuple(scored)


def _passed(verdicts: Verdicts | None, case: Case, answer: Answer) -> bool | None:
    program = case.program(answer.texts)
    return None if verdicts is None or program is None else verdicts.of(program).passed
