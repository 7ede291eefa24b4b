"""Builds the report of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from dgls.lab.evaluation.confidence import (
    TARGET_PRECISION,
    by_coverage,
    reliability,
    shown_at,
    widest,
)
from dgls.lab.evaluation.findings import About, Duel, Example, Report, Row, Share, Trust
from dgls.lab.evaluation.groups import groups_of, language_name, ms_at, tokens_a_pass
from dgls.lab.evaluation.metrics import Scored
from dgls.lab.evaluation.runner import Series
from dgls.lab.evaluation.statistics import Interval, compare, mean_interval

LENGTH_BUCKETS = ((1, 10), (11, 25), (26, 50), (51, 10**9))
"""Characters of the truth, over all gaps: the first and last of each bucket."""


def build_report(about: About, series: Sequence[Series], reference: str | None) -> Report:
    """The report of a run of one or more cases. `reference` is compared with every other system."""
    chosen = next((each for each in series if each.system == reference), None)
    duels: list[Duel] = []
    examples: list[Example] = []
    for other in series:
        if chosen is not None and other is not chosen:
            duels += _duels(chosen, other, about.seed)
            examples += _examples(chosen, other)
    return Report(
        about=about,
        rows=tuple(_row(each, about.seed) for each in series),
        kinds=groups_of(series, _kind),
        languages=groups_of(series, language_name),
        language_kinds=_shares(series, _language_and_kind),
        lengths=_shares(series, _length),
        proposals=_shares([s for s in series if _several_proposals(s)], _proposal),
        duels=tuple(duels),
        trust=tuple(_trust(each) for each in series if _has_confidence(each)),
        examples=tuple(examples),
    )


def _row(series: Series, seed: int) -> Row:
    scored = series.scored
    judged = _judged(series)
    errors = [each.length_error for each in scored]
    decides = _has_confidence(series)
    fitted = series.threshold if decides else None
    return Row(
        system=series.system,
        cases=len(scored),
        exact=_interval(scored, _exact, seed),
        passed=_interval(tested, _right, seed) if (tested := _tested(scored)) else None,
        similarity=fmean(each.similarity for each in scored),
        syntax=fmean(each.syntax for each in scored),
        steps=fmean(each.answer.steps for each in scored),
        ms_p50=ms_at(scored, 50),
        ms_p90=ms_at(scored, 90),
        length_bias=fmean(errors),
        length_error=fmean(map(abs, errors)),
        shown=shown_at(judged, fitted) if fitted is not None else None,
        best_shown=widest(judged, TARGET_PRECISION) if decides else None,
        tokens_a_pass=tokens_a_pass(scored),
    )


Measure = Callable[[Scored], bool]


def _exact(scored: Scored) -> bool:
    return scored.exact


def _right(scored: Scored) -> bool:
    return scored.right


@dataclass(frozen=True, slots=True)
class _Measured:
    """A measure by which two systems are compared."""

    name: str
    of: Measure


_EXACT = _Measured("exact match", _exact)
_PASSED = _Measured("pass@1", _right)


def _interval(scored: Sequence[Scored], measure: Measure, seed: int) -> Interval:
    values = [float(measure(each)) for each in scored]
    return mean_interval(values, [each.case.group for each in scored], seed)


def _tested(scored: Sequence[Scored]) -> list[Scored]:
    return [each for each in scored if each.passed is not None]


def _judged(series: Series) -> list[tuple[float, bool]]:
    return [(each.confidence, each.right) for each in series.scored]


def _has_confidence(series: Series) -> bool:
    """Whether its confidence varies; a constant one means nothing."""
    return len({each.answer.confidence for each in series.scored}) > 1


def _kind(scored: Scored) -> str:
    return str(scored.case.kind)


def _language_and_kind(scored: Scored) -> str:
    return f"{language_name(scored)}, {scored.case.kind}"


def _proposal(scored: Scored) -> str:
    return scored.answer.proposal


def _several_proposals(series: Series) -> bool:
    return len({each.answer.proposal for each in series.scored}) > 1


def _length(scored: Scored) -> str:
    characters = sum(map(len, scored.case.truth))
    for first, last in LENGTH_BUCKETS:
        if characters <= last:
            return f"{first} to {last}" if last < 10**9 else f"over {first - 1}"
    return ""


def _order(what: str) -> tuple[int, str]:
    """Sort key: lengths from short to long, everything else by name."""
    digits = [word for word in what.split() if word.isdigit()]
    return (int(digits[0]) + ("over" in what) if digits else 0, what)


def _groups(scored: Sequence[Scored], named: Callable[[Scored], str]) -> dict[str, list[Scored]]:
    groups: dict[str, list[Scored]] = {}
    for each in scored:
        groups.setdefault(named(each), []).append(each)
    return dict(sorted(groups.items(), key=lambda item: _order(item[0])))


def _shares(series: Sequence[Series], named: Callable[[Scored], str]) -> tuple[Share, ...]:
    return tuple(
        _share(each.system, what, members)
        for each in series
        for what, members in _groups(each.scored, named).items()
    )


def _share(system: str, what: str, members: Sequence[Scored]) -> Share:
    tested = _tested(members)
    passed = fmean(each.right for each in tested) if tested else None
    exact = fmean(each.exact for each in members)
    return Share(system=system, what=what, cases=len(members), exact=exact, passed=passed)


def _duels(reference: Series, other: Series, seed: int) -> list[Duel]:
    """On all cases by every measure, then by exact match for each kind and length."""

    def duel(what: str, pairs: Sequence[tuple[Scored, Scored]], measured: _Measured) -> Duel:
        comparison = compare(
            [measured.of(first) for first, _ in pairs],
            [measured.of(second) for _, second in pairs],
            [first.case.group for first, _ in pairs],
            seed,
        )
        return Duel(reference.system, other.system, measured.name, what, comparison)

    pairs = list(zip(reference.scored, other.scored, strict=True))
    found = [duel("all", pairs, _EXACT)]
    tested = [pair for pair in pairs if pair[0].passed is not None]
    if tested:
        found.append(duel("all", tested, _PASSED))
    for named in (_kind, _length):
        groups: dict[str, list[tuple[Scored, Scored]]] = {}
        for pair in pairs:
            groups.setdefault(named(pair[0]), []).append(pair)
        if len(groups) > 1:
            found += [duel(what, groups[what], _EXACT) for what in sorted(groups, key=_order)]
    return found


def _trust(series: Series) -> Trust:
    judged = _judged(series)
    return Trust(series.system, reliability(judged), by_coverage(judged))


_MAX_EXAMPLES = 3
_EXAMPLE_CHARS = 60


def _examples(reference: Series, other: Series) -> list[Example]:
    """A few short cases that only one of the two got right, equally many from each side."""
    found: list[Example] = []
    for winner, loser in ((reference, other), (other, reference)):
        pairs = zip(winner.scored, loser.scored, reference.scored, other.scored, strict=True)
        found += [
            Example(
                case=won.case.id,
                against=other.system,
                truth=won.case.truth,
                reference=first.answer.texts,
                other=second.answer.texts,
                winner=winner.system,
            )
            for won, lost, first, second in pairs
            if won.exact and not lost.exact and sum(map(len, won.case.truth)) <= _EXAMPLE_CHARS
        ][:_MAX_EXAMPLES]
    return found
