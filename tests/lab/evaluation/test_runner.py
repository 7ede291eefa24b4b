"""An interrupted run continues, asks no system twice, and ends in the same report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from dgls.errors import InputError
from dgls.lab.evaluation.answers import Answers, Key, Verdicts
from dgls.lab.evaluation.cases import humaneval_cases
from dgls.lab.evaluation.execution import RunLimits
from dgls.lab.evaluation.findings import About
from dgls.lab.evaluation.markdown import to_markdown
from dgls.lab.evaluation.report import build_report
from dgls.lab.evaluation.runner import Plan, run
from dgls.lab.evaluation.systems import Answer
from tests.lab.evaluation.samples import Scripted, make_case, write_tasks

CASES = tuple(make_case("x = ", str(number), "\n", name=f"c{number}") for number in range(4))
ABOUT = About("test", len(CASES), 0, False, "a machine")


def scripted(**fields: object) -> Scripted:
    answers = {case.id: Answer((case.truth[0],), confidence=0.5, proposal="x") for case in CASES}
    return dataclasses.replace(Scripted(answers), **fields)


def report_of(folder: Path, system: Scripted) -> str:
    series = run(Plan(CASES, (system,), Answers(folder)))
    return to_markdown(build_report(ABOUT, series, system.name))


class Interrupted(Exception):
    pass


def test_a_second_run_asks_no_system_and_reports_the_same(tmp_path: Path) -> None:
    first, second = scripted(), scripted()
    assert report_of(tmp_path, first) == report_of(tmp_path, second)
    assert (len(first.asked), len(second.asked)) == (4, 0)


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    first, second = scripted(), scripted()
    done = 0

    def interrupt(what: str, count: int) -> None:
        nonlocal done
        done += count
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        run(Plan(CASES, (first,), Answers(tmp_path)), interrupt)
    (series,) = run(Plan(CASES, (second,), Answers(tmp_path)))
    assert (first.asked, second.asked) == (["c0", "c1", "c2"], ["c3"])
    assert [scored.case.id for scored in series.scored] == ["c0", "c1", "c2", "c3"]


def test_a_truncated_journal_line_is_answered_again(tmp_path: Path) -> None:
    report_of(tmp_path, scripted())
    journal = tmp_path / "answers.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    again = scripted()
    report_of(tmp_path, again)
    assert again.asked == ["c3"]
    assert [json.loads(line)["key"]["case"] for line in journal.read_text().splitlines()] == [
        *("c0", "c1", "c2", "c3")
    ]


@pytest.mark.parametrize("change", [{"settings": "two"}, {"name": "other"}])
def test_another_system_or_other_settings_make_another_run(
    tmp_path: Path, change: dict[str, str]
) -> None:
    report_of(tmp_path, scripted())
    other = scripted(**change)
    report_of(tmp_path, other)
    assert len(other.asked) == len(CASES)


def test_answers_survive_the_journal(tmp_path: Path) -> None:
    key = Key("case", "system", "settings")
    answer = Answer(("é𝄞\n", ""), 0.25, -1e-300, 3, 4, 5.5, "noise")
    Answers(tmp_path).add(key, answer)
    assert Answers(tmp_path).get(key) == answer
    assert Answers(tmp_path).get(dataclasses.replace(key, settings="other")) is None


@pytest.mark.parametrize("text", ["not json\n", '{"key": {}, "answer": {}}\n', '{"other": 1}\n'])
def test_a_foreign_journal_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    journal = tmp_path / "answers.jsonl"
    journal.write_text(text)
    with pytest.raises(InputError, match="--out"):
        Answers(tmp_path)
    assert journal.read_text() == text


def test_the_callers_clock_is_used_if_a_system_has_none() -> None:
    timed = {case.id: Answer(("1",), ms=7.0) for case in CASES}
    (own,) = run(Plan(CASES, (Scripted(timed),), Answers()))
    assert [scored.answer.ms for scored in own.scored] == [7.0] * 4
    (measured,) = run(Plan(CASES, (scripted(),), Answers()))
    assert all(scored.answer.ms > 0 for scored in measured.scored)


def test_tests_run_once_and_decide_what_is_right(tmp_path: Path) -> None:
    cases = humaneval_cases(write_tasks(tmp_path / "t.jsonl"))
    texts = ("    return b + a", "    best = None", cases[2].truth[0])
    system = Scripted({case.id: Answer((text,)) for case, text in zip(cases, texts, strict=True)})
    (series,) = run(Plan(cases, (system,), Answers(), Verdicts(tmp_path)))
    assert [(scored.exact, scored.passed) for scored in series.scored] == [
        *((False, True), (False, False), (True, True))
    ]
    kept = (tmp_path / "verdicts.jsonl").read_text()
    assert [json.loads(line)["outcome"] for line in kept.splitlines()] == [
        *("passed", "TypeError", "passed")
    ]
    run(Plan(cases, (system,), Answers(), Verdicts(tmp_path)))
    assert (tmp_path / "verdicts.jsonl").read_text() == kept


def test_other_limits_run_a_program_again(tmp_path: Path) -> None:
    assert Verdicts(tmp_path).of("pass").passed
    assert Verdicts(tmp_path, RunLimits(seconds=1)).of("pass").passed
    assert len((tmp_path / "verdicts.jsonl").read_text().splitlines()) == 2
