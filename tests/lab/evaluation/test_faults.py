"""The table of faults: every case holds for given answers, and all kinds are covered."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dgls.cli.app import run_app
from dgls.lab.evaluation.faults import asked
from dgls.lab.evaluation.faults.cases import FaultCase, FaultKind, fault_cases
from dgls.lab.evaluation.faults.given import left_of, what_is_wrong
from dgls.protocol import Fill, FillReply, FillRequest

CASES = fault_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_answer_is_trimmed_as_the_table_says(case: FaultCase) -> None:
    assert what_is_wrong(case) == "", (case.source, left_of(case))


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_has_cases_in_many_languages_and_half_must_show(kind: FaultKind) -> None:
    cases = [case for case in CASES if case.kind is kind]
    assert len(cases) >= 12
    assert len({case.language for case in cases}) >= 5
    assert 2 * sum(case.must_show for case in cases) >= len(cases)


def test_a_failing_case_is_named() -> None:
    case = next(case for case in CASES if case.left and not case.copies)
    assert what_is_wrong(replace(case, left=("something else",)))


@pytest.mark.parametrize(
    ("kind", "texts", "wrong"),
    [
        # A model whose answer must not be shown stays silent in the end: no fault.
        (FaultKind.FOLLOWS, (" + b",), ""),
        (FaultKind.SYNTAX, ("(",), ""),
    ],
)
def test_refusing_a_forbidden_text_is_no_fault(
    kind: FaultKind, texts: tuple[str, ...], wrong: str
) -> None:
    case = next(case for case in CASES if case.kind is kind and not case.left)
    fills = tuple(Fill((text,), 0.0, 1.0) for text in texts)

    def ask(request: FillRequest) -> FillReply:
        return FillReply(fills, "scripted")

    assert asked.what_is_wrong(case, ask, lambda language: True) == wrong


def test_silence_is_a_fault_if_an_answer_is_due_in_a_known_language() -> None:
    case = next(case for case in CASES if case.kind is FaultKind.FOLLOWS and case.left)

    def ask(request: FillRequest) -> FillReply:
        return FillReply((Fill(("",), 0.0, 0.0),), "silent")

    assert asked.what_is_wrong(case, ask, asked.can_answer("m", ())) == "silent"
    assert asked.what_is_wrong(case, ask, asked.can_answer("m", ("cobol",))) == ""
    weak = replace(case, silent=("m",))
    assert asked.what_is_wrong(weak, ask, asked.can_answer("m", ())) == ""


def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["eval", "faults"]) == 0
    assert "| follows |" in capsys.readouterr().out
    assert run_app(["eval", "faults", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {row["kind"] for row in report["rows"]} == set(FaultKind)


def test_only_the_cases_of_a_kind_are_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["eval", "faults", "--kind", "alike", "--kind", "block", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    tried = {row["kind"]: row["cases"] for row in said["rows"] if row["cases"]}
    assert tried == {kind: sum(case.kind == kind for case in CASES) for kind in ("alike", "block")}


def test_an_unknown_kind_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["eval", "faults", "--kind", "brakets"]) == 2
    assert "'brakets'; nothing was tried. Use follows, syntax" in capsys.readouterr().err
