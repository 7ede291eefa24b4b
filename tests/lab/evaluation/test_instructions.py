"""`dgls eval instructions`: its cases are sound, and each kind of answer gets its verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.errors import InputError
from dgls.lab.evaluation.execution import run_program
from dgls.lab.evaluation.instructions.cases import InstructionCase, read_cases
from dgls.lab.evaluation.instructions.report import of_one, to_text
from dgls.lab.evaluation.instructions.run import judged
from dgls.protocol import Fill, FillReply
from dgls.syntax.guard import damage
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from dgls.text.spans import Span

FIXTURES = Path(__file__).parents[3] / "fixtures" / "instructions"
CASES, MISSING = read_cases(FIXTURES)

DOUBLE = "def double(a):\n    return a + a"
CASE = InstructionCase(
    "double",
    "a.py",
    f"{DOUBLE}\n",
    Span(0, len(DOUBLE)),
    "accept None",
    "",
    "assert double(None) is None",
)


def test_there_are_forty_cases() -> None:
    assert len(CASES) + len(MISSING) == 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_cases_code_parses(case: InstructionCase) -> None:
    source = Source.parse(case.text, language_of(case.path, None))
    assert damage(source).faults == 0
    assert case.span.of(case.text).strip()


@pytest.mark.parametrize("case", [case for case in CASES if case.test][:3], ids=lambda c: c.name)
def test_every_cases_test_fails_on_unedited_code(case: InstructionCase) -> None:
    outcome = run_program(case.program(case.span.of(case.text))).outcome
    assert outcome not in {"passed", "SyntaxError", "NameError", "ModuleNotFoundError"}


@pytest.mark.parametrize(
    ("code", "refusal", "parses", "right"),
    [
        ("def double(a):\n    return None if a is None else a + a", "", True, True),
        ("def double(a):\n    return a * 2", "", True, False),
        ("def double(a:\n    return a", "it breaks the syntax", False, False),
        (DOUBLE, "it is the same as the present text", True, False),
    ],
)
def test_each_kind_of_answer_gets_its_verdict(
    code: str, refusal: str, parses: bool, right: bool
) -> None:
    reply = FillReply(
        (Fill((f"```python\n{code}\n```",), 0.0, 0.5, "edit", tokens=8),), "m", passes=2
    )
    (verdict,) = judged([CASE], lambda request: reply)
    assert (verdict.refusal, verdict.parses, verdict.right) == (refusal, parses, right)
    assert verdict.keeps
    assert "double" in of_one(verdict)
    assert f"{int(right)} of 1" in to_text("m", [verdict])
    assert "4.0 tokens a pass" in to_text("m", [verdict])


def test_a_folder_without_cases_raises_one_error(tmp_path: Path) -> None:
    assert read_cases(tmp_path) == ((), ())
    (tmp_path / "a.toml").write_text("[")
    with pytest.raises(InputError, match="nothing was measured"):
        read_cases(tmp_path)
