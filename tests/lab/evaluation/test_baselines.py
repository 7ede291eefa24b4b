"""The baselines: their best results, and that they never read the truth."""

from __future__ import annotations

import dataclasses

import pytest

from dgls.lab.evaluation.baselines.copy_line import CopyLine
from dgls.lab.evaluation.baselines.nothing import Nothing
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.systems import System
from dgls.protocol import Gap
from tests.lab.evaluation.samples import make_case


def marked(text: str, truth: str = "", lines: int = 1) -> Case:
    """A case whose gap is at `¦`."""
    before, after = text.split("¦")
    return make_case(before, truth, after, lines=lines)


COPIES = [
    (
        "after the same words",
        "first = load(path, mode)\nsecond = load(¦\nprint(second)\n",
        "path, mode)",
    ),
    (
        "between the same words",
        "a.save(name, force=True)\nb.save(¦)\n",
        "name, force=True",
    ),
    (
        "a line with like neighbours, indented as here",
        "def one(x):\n    check(x)\n    return x\n\ndef two(y):\n    ¦\n    return y\n",
        "check(x)",
    ),
    (
        "the indentation itself, where it is missing",
        "if a:\n    done = True\nelse:\n¦\nprint(done)\n",
        "    done = True",
    ),
    ("nothing where no line has the words", "alpha(1)\nbeta.gamma.¦\n", ""),
    ("nothing in an empty file", "¦", ""),
]


@pytest.mark.parametrize(("what", "text", "filled"), COPIES, ids=[copy[0] for copy in COPIES])
def test_copy_takes_the_text_of_the_most_similar_line(what: str, text: str, filled: str) -> None:
    assert CopyLine().fill(marked(text)).texts == (filled,)


def test_the_empty_baseline_fills_with_empty_text() -> None:
    case = marked("a = ¦\n", "1")
    assert Nothing().fill(case).texts == ("",)


SEVERAL = Case(
    id="several",
    group="several",
    path="a.py",
    parts=("first = area(", ")\nsecond = ", "(3, 4)\n"),
    gaps=(Gap(), Gap()),
    truth=("1, 2", "area"),
    kind=Kind.SEVERAL,
)


@pytest.mark.parametrize("system", [Nothing(), CopyLine()], ids=str)
@pytest.mark.parametrize("case", [marked(copy[1], "truth") for copy in COPIES] + [SEVERAL])
def test_no_baseline_looks_at_the_truth(system: System, case: Case) -> None:
    other = dataclasses.replace(case, truth=tuple("something else" for _ in case.truth))
    answers = [system.fill(each) for each in (case, other)]
    assert answers[0] == answers[1]
    assert len(answers[0].texts) == len(case.gaps)
