"""A report as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dgls.lab.evaluation.confidence import TARGET_PRECISION, Shown
from dgls.lab.evaluation.findings import COVERAGES, Example, Group, Report, Row, Share, Trust
from dgls.lab.evaluation.statistics import Comparison, Interval


def to_markdown(report: Report) -> str:
    """The whole report."""
    return "\n\n".join(_sections(report)) + "\n"


def main_table(report: Report) -> str:
    """The table of all systems."""
    header = ["system", "exact %", "pass@1 %", "similarity", "syntax kept %"]
    header += ["steps", "tokens a pass", "ms p50", "ms p90", "length error"]
    header += ["shown % (right %)", "best shown %"]
    rows = [_main_row(row) for row in report.rows]
    if not report.about.executed:
        header.remove("pass@1 %")
        rows = [row[:2] + row[3:] for row in rows]
    return _table(header, rows)


def _sections(report: Report) -> Iterator[str]:
    about = report.about
    tests = "tests run" if about.executed else "tests not run"
    yield f"# {about.suite}"
    yield f"{about.cases} cases, seed {about.seed}, {tests}. {about.machine}."
    yield main_table(report)
    yield _KEY
    yield from _duel_sections(report)
    yield from _share_sections(report)
    yield from map(_trust_section, report.trust)
    yield from _example_sections(report.examples)


_KEY = f"""Exact match takes no notice of white space at the end; in brackets the middle 95 % of a
bootstrap over functions or files. Similarity is one less the edit distance over the longer
length. Syntax kept: no more syntax errors than in the true file. Length error: mean absolute
difference to the truth in characters, and its mean with sign. Tokens a pass: what the causal stream
wrote for each pass of the model, where the system tells it. Shown: how many fills are at or
above the system's own threshold, and how many of those are right (by the tests where they were
run, else by exact match). Best shown: the most that any threshold could show with at least
{TARGET_PRECISION:.0%} right, chosen with hindsight."""


def _main_row(row: Row) -> list[str]:
    return [
        row.system,
        _interval(row.exact),
        _interval(row.passed) if row.passed else "-",
        f"{row.similarity:.2f}",
        _percent(row.syntax),
        f"{row.steps:.1f}" if row.steps else "-",
        _tokens_a_pass(row.tokens_a_pass),
        f"{row.ms_p50:.1f}",
        f"{row.ms_p90:.1f}",
        f"{row.length_error:.1f} ({row.length_bias:+.1f})",
        _shown(row.shown),
        _percent(row.best_shown.coverage) if row.best_shown else "-",
    ]


def _duel_sections(report: Report) -> Iterator[str]:
    if not report.duels:
        return
    reference = report.duels[0].reference
    yield f"## {reference} against the others, case by case"
    yield _table(
        ["against", "measure", "cases", "won", "lost", "difference in points", "so it"],
        [
            [duel.other, duel.measure, *_duel_cells(duel.comparison)]
            for duel in report.duels
            if duel.what == "all"
        ],
    )
    parts = [duel for duel in report.duels if duel.what != "all"]
    if parts:
        yield "By kind of gap and by characters of the truth, exact match:"
        yield _table(
            ["against", "gaps", "cases", "won", "lost", "difference in points", "so it"],
            [[duel.other, duel.what, *_duel_cells(duel.comparison)] for duel in parts],
        )


def _duel_cells(comparison: Comparison) -> list[str]:
    cases = comparison.wins + comparison.losses + comparison.both + comparison.neither
    return [
        str(cases),
        str(comparison.wins),
        str(comparison.losses),
        _points(comparison.difference),
        comparison.verdict,
    ]


def _share_sections(report: Report) -> Iterator[str]:
    for title, groups in (("Kinds of gap", report.kinds), ("Languages", report.languages)):
        if len({group.what for group in groups}) > 1:
            yield f"## {title}\n\n{_group_table(groups)}"
    languages = {group.what for group in report.languages}
    if len(languages) > 1:
        yield f"## Kinds of gap in each language, exact %\n\n{_crossed(report.language_kinds)}"
    for title, shares in (
        ("Characters of the truth", report.lengths),
        ("Where the fills came from", report.proposals),
    ):
        if len({share.what for share in shares}) > 1:
            yield f"## {title}\n\n{_share_table(shares)}"


def _group_table(groups: Sequence[Group]) -> str:
    """One line per group: share right, share right at the coverages, time."""
    header = ["system", "which", "cases", "exact %", "pass@1 %"]
    header += [f"right at {least:.0%} shown" for least in COVERAGES]
    header += ["shown % (right %)", "ms p50", "ms p90", "tokens a pass"]
    return _table(header, map(_group_row, groups))


def _group_row(group: Group) -> list[str]:
    return [
        group.system,
        group.what,
        str(group.cases),
        _percent(group.exact),
        _percent(group.passed) if group.passed is not None else "-",
        *(_percent(shown.precision) if shown else "-" for shown in group.at),
        _shown(group.shown),
        f"{group.ms_p50:.1f}",
        f"{group.ms_p90:.1f}",
        _tokens_a_pass(group.tokens_a_pass),
    ]


def _crossed(shares: Sequence[Share]) -> str:
    """Languages as rows, kinds as columns; "-" without such a gap."""
    cells = {(share.system, *share.what.split(", ", 1)): share.exact for share in shares}
    kinds = list(dict.fromkeys(kind for _, _, kind in cells))
    lines = dict.fromkeys((system, language) for system, language, _ in cells)

    def cell(line: tuple[str, str], kind: str) -> str:
        exact = cells.get((*line, kind))
        return "-" if exact is None else _percent(exact)

    rows = [[*line, *(cell(line, kind) for kind in kinds)] for line in lines]
    return _table(["system", "language", *kinds], rows)


def _share_table(shares: Sequence[Share]) -> str:
    header = ["system", "which", "cases", "exact %", "pass@1 %"]
    rows = [
        [
            share.system,
            share.what,
            str(share.cases),
            _percent(share.exact),
            _percent(share.passed) if share.passed is not None else "-",
        ]
        for share in shares
    ]
    if all(share.passed is None for share in shares):
        return _table(header[:-1], [row[:-1] for row in rows])
    return _table(header, rows)


def _trust_section(trust: Trust) -> str:
    bins = _table(
        ["confidence", "cases", "mean confidence %", "right %"],
        [
            [
                f"{b.low:.1f} to {b.high:.1f}",
                str(b.count),
                _percent(b.confidence),
                _percent(b.right),
            ]
            for b in trust.reliability.bins
        ],
    )
    shown = _table(
        ["shown %", "right %", "threshold"],
        [
            [_percent(each.coverage), _percent(each.precision), f"{each.threshold:.3f}"]
            for each in trust.coverage
        ],
    )
    error, brier = trust.reliability.error, trust.reliability.brier
    figures = f"Calibration error {error:.3f}, Brier score {brier:.3f}."
    return f"## Confidence of {trust.system}\n\n{bins}\n\n{figures}\n\n{shown}"


def _example_sections(examples: Sequence[Example]) -> Iterator[str]:
    if examples:
        rows = [
            [
                each.case,
                each.against,
                each.winner,
                *map(_code, (each.truth, each.reference, each.other)),
            ]
            for each in examples
        ]
        yield "## Short cases that only one of the two got right"
        yield _table(["case", "against", "right", "truth", "reference", "the other"], rows)


def _shown(shown: Shown | None) -> str:
    return f"{_percent(shown.coverage)} ({_percent(shown.precision)})" if shown else "-"


def _tokens_a_pass(tokens: float | None) -> str:
    return f"{tokens:.2f}" if tokens is not None else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _interval(interval: Interval) -> str:
    low, high = _percent(interval.low), _percent(interval.high)
    return f"{_percent(interval.mean)} ({low} to {high})"


def _points(interval: Interval) -> str:
    mean, low, high = (100 * each for each in (interval.mean, interval.low, interval.high))
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _code(texts: Iterable[str]) -> str:
    """Texts of gaps within one cell."""
    shown = " … ".join(text.replace("\n", "⏎") for text in texts)
    return "`" + shown.replace("`", "'").replace("|", "\\|") + "`" if shown.strip() else "(nothing)"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
