"""The report shows the answers, in Markdown and in JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest

from dgls.lab.evaluation.answers import Answers
from dgls.lab.evaluation.cases import Kind
from dgls.lab.evaluation.findings import About, Report
from dgls.lab.evaluation.markdown import main_table, to_markdown
from dgls.lab.evaluation.report import build_report
from dgls.lab.evaluation.runner import Plan, run
from dgls.lab.evaluation.systems import Answer
from tests.lab.evaluation.samples import Scripted, make_case

TRUTHS = ("1", "a_longer_name", "total", "b")
CASES = tuple(
    make_case("x = ", truth, "\n", name=f"c{index}", group=f"g{index // 2}")
    for index, truth in enumerate(TRUTHS)
)

GOOD = (
    Answer(("1",), 0.9, -0.1, 2, 3, 10.0, "draft"),
    Answer(("a_longer_name",), 0.8, -0.2, 4, 5, 20.0, "noise"),
    Answer(("total",), 0.7, -0.3, 2, 3, 30.0, "noise"),
    Answer(("(|`",), 0.1, -9.0, 3, 5, 40.0, "noise"),
)
POOR = (Answer(("",), ms=1.0), Answer(("",), ms=1.0), Answer(("",), ms=1.0), Answer(("b",), ms=1.0))


def system(name: str, answers: tuple[Answer, ...], threshold: float | None = None) -> Scripted:
    by_case = {case.id: answer for case, answer in zip(CASES, answers, strict=True)}
    return Scripted(by_case, name=name, threshold=threshold)


@pytest.fixture(scope="module")
def report() -> Report:
    systems = (system("poor", POOR), system("good", GOOD, threshold=0.75))
    about = About("Four cases", 4, 7, False, "a machine, today")
    return build_report(about, run(Plan(CASES, systems, Answers())), "good")


def test_a_row_has_the_figures_of_its_system(report: Report) -> None:
    poor, good = report.rows
    assert (poor.exact.mean, good.exact.mean) == (0.25, 0.75)
    assert good.steps == 4.0
    assert (good.ms_p50, good.ms_p90) == (25.0, pytest.approx(37.0))
    assert (good.length_error, good.length_bias) == (0.5, 0.5)
    assert (poor.length_error, poor.length_bias) == (4.75, -4.75)
    assert good.similarity == pytest.approx(0.75)
    assert good.syntax == 0.75
    assert good.passed is None


def test_the_systems_own_threshold_decides_what_is_shown(report: Report) -> None:
    poor, good = report.rows
    assert good.shown is not None
    assert (good.shown.coverage, good.shown.precision) == (0.5, 1.0)
    assert good.best_shown is not None
    assert good.best_shown.coverage == 1.0
    # A constant confidence decides nothing.
    assert (poor.shown, poor.best_shown) == (None, None)


def two_languages() -> Report:
    """Two systems on two kinds in two languages, one of which counts its passes."""
    rust = [dataclasses.replace(case, path="a.rs", kind=Kind.BODY) for case in CASES[2:]]
    cases = (*CASES[:2], *rust)
    counted = tuple(dataclasses.replace(each, written=6, passes=4) for each in GOOD)
    systems = (system("poor", POOR), system("good", counted, threshold=0.75))
    about = About("Four cases", 4, 7, False, "a machine, today")
    return build_report(about, run(Plan(cases, systems, Answers())), "good")


def test_each_kind_and_each_language_has_its_figures() -> None:
    report = two_languages()
    for groups, names in (
        (report.kinds, ["all", "body", "line end"]),
        (report.languages, ["all", "Python", "Rust"]),
    ):
        good = [group for group in groups if group.system == "good"]
        assert [group.what for group in good] == names
        assert [group.cases for group in good] == [4, 2, 2]
        assert {group.tokens_a_pass for group in good} == {1.5}
        assert {group.tokens_a_pass for group in groups if group.system == "poor"} == {None}
    rust = report.languages[-1]
    assert (rust.exact, rust.ms_p50, rust.ms_p90) == (0.5, 35.0, pytest.approx(39.0))


def test_the_share_right_at_a_coverage_is_reported_for_each_group() -> None:
    report = two_languages()
    everything, rust = (report.languages[index] for index in (3, 5))
    # Of four, the surest two are the fewest that cover 35 % and 50 %; of Rust's two, the surest.
    assert [(shown.coverage, shown.precision) for shown in everything.at if shown] == [
        *((0.5, 1.0), (0.5, 1.0))
    ]
    assert [(shown.coverage, shown.precision) for shown in rust.at if shown] == [
        *((0.5, 1.0), (0.5, 1.0))
    ]
    assert everything.shown is not None
    assert everything.shown.coverage == 0.5
    assert rust.shown is not None
    assert rust.shown.coverage == 0.0
    assert report.languages[0].at == (None, None)


def test_languages_are_crossed_with_kinds_in_markdown() -> None:
    page = to_markdown(two_languages())
    assert "| good | Python | 100.0 | - |" in page
    assert "| good | Rust | - | 50.0 |" in page
    assert "| 1.50 |" in page


def test_the_duel_counts_wins_and_losses(report: Report) -> None:
    duel = next(duel for duel in report.duels if duel.what == "all")
    assert (duel.reference, duel.other) == ("good", "poor")
    assert (duel.comparison.wins, duel.comparison.losses) == (3, 1)
    by_length = {duel.what: duel.comparison for duel in report.duels if duel.what != "all"}
    assert list(by_length) == ["1 to 10", "11 to 25"]
    assert (by_length["1 to 10"].wins, by_length["1 to 10"].losses) == (2, 1)


def test_the_report_has_the_share_of_each_proposal(report: Report) -> None:
    found = [(share.system, share.what, share.cases, share.exact) for share in report.proposals]
    assert found == [("good", "draft", 1, 1.0), ("good", "noise", 3, pytest.approx(2 / 3))]


def test_examples_show_wins_of_both_systems(report: Report) -> None:
    assert [(example.winner, example.case) for example in report.examples] == [
        *(("good", "c0"), ("good", "c1"), ("good", "c2"), ("poor", "c3"))
    ]


def test_the_json_says_the_same(report: Report) -> None:
    read = json.loads(report.to_json())
    assert read["about"]["suite"] == "Four cases"
    assert [row["system"] for row in read["rows"]] == ["poor", "good"]
    assert read["rows"][1]["exact"]["mean"] == 0.75
    assert read["trust"][0]["reliability"]["bins"]


def test_the_markdown_tables_are_complete(report: Report) -> None:
    page = to_markdown(report)
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    assert len(tables) >= 6
    for table in tables:
        # A bar inside a cell is escaped; otherwise it would begin another cell.
        widths = {line.replace("\\|", "").count("|") for line in table}
        assert len(widths) == 1, table
    assert "| good | 75.0 (" in page
    assert "pass@1" not in main_table(report)


def test_the_same_answers_and_seed_give_the_same_report(report: Report) -> None:
    systems = (system("poor", POOR), system("good", GOOD, threshold=0.75))
    again = build_report(report.about, run(Plan(CASES, systems, Answers())), "good")
    assert to_markdown(again) == to_markdown(report)


def test_one_case_and_one_system_are_enough_for_a_report() -> None:
    only = Scripted({CASES[0].id: Answer(("1",))})
    series = run(Plan(CASES[:1], (only,), Answers()))
    page = to_markdown(build_report(About("One", 1, 0, False, "m"), series, "scripted"))
    assert "| scripted | 100.0 (100.0 to 100.0) |" in page
