"""A run's figures for groups of cases: each kind, each language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, quantiles

from dgls.lab.evaluation.confidence import at_coverage, shown_at
from dgls.lab.evaluation.findings import COVERAGES, Group
from dgls.lab.evaluation.metrics import Scored
from dgls.lab.evaluation.runner import Series
from dgls.syntax.languages import known_of


def groups_of(series: Sequence[Series], named: Callable[[Scored], str]) -> tuple[Group, ...]:
    """Each system's figures for each group, preceded by all cases if there are several groups."""
    found: list[Group] = []
    for each in series:
        members: dict[str, list[Scored]] = {}
        for scored in each.scored:
            members.setdefault(named(scored), []).append(scored)
        if len(members) > 1:
            found.append(_group(each, "all", each.scored))
        found += [_group(each, what, members[what]) for what in sorted(members)]
    return tuple(found)


def language_name(scored: Scored) -> str:
    """The name of the language of a case."""
    known = known_of(scored.case.path)
    return known.name if known else ""


def ms_at(scored: Sequence[Scored], percent: int) -> float:
    """The milliseconds within which this percentage of the fills arrived."""
    times = [each.answer.ms for each in scored]
    return quantiles(times, n=100, method="inclusive")[percent - 1] if len(times) > 1 else times[0]


def tokens_a_pass(scored: Sequence[Scored]) -> float | None:
    """The causal stream's tokens per pass of the model; None if no system tells."""
    passes = sum(each.answer.passes for each in scored)
    return sum(each.answer.written for each in scored) / passes if passes else None


def _group(series: Series, what: str, scored: Sequence[Scored]) -> Group:
    judged = [(each.confidence, each.right) for each in scored]
    # A constant confidence cannot decide which fills to show.
    decides = len({each.answer.confidence for each in series.scored}) > 1
    tested = [each.right for each in scored if each.passed is not None]
    fitted = series.threshold if decides else None
    return Group(
        system=series.system,
        what=what,
        cases=len(scored),
        exact=fmean(each.exact for each in scored),
        passed=fmean(tested) if tested else None,
        at=tuple(at_coverage(judged, least) if decides else None for least in COVERAGES),
        shown=shown_at(judged, fitted) if fitted is not None else None,
        ms_p50=ms_at(scored, 50),
        ms_p90=ms_at(scored, 90),
        tokens_a_pass=tokens_a_pass(scored),
    )
