"""The benchmark's tasks as cases: complete and exact, with other files refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dgls.errors import SourceFileError
from dgls.lab.evaluation.cases import Case, Kind, humaneval_cases, sample, task_texts
from dgls.lab.evaluation.contamination import Contamination
from dgls.protocol import Gap
from dgls.text.spans import apply_edits
from tests.lab.evaluation.samples import TASKS, write_tasks


@pytest.mark.parametrize("name", ["tasks.jsonl", "tasks.jsonl.gz"])
def test_each_task_becomes_one_gap_of_a_line(tmp_path: Path, name: str) -> None:
    cases = humaneval_cases(write_tasks(tmp_path / name))
    assert [case.id for case in cases] == [task["task_id"] for task in TASKS]
    first = cases[0]
    # The line ending stays after the gap, as in an editor; the indentation is part of it.
    assert (first.truth, first.parts[1]) == (("    return a + b",), "\n")
    assert first.gaps == (Gap(max_lines=1),)
    assert (first.kind, first.path) == (Kind.WHOLE_LINE, "add.py")


def test_the_true_document_is_the_original_task(tmp_path: Path) -> None:
    for case, task in zip(humaneval_cases(write_tasks(tmp_path / "t.jsonl")), TASKS, strict=True):
        whole = task["prompt"] + task["canonical_solution"] + task["suffix"]
        assert case.document(case.truth) == whole


def test_lines_of_one_function_share_a_group(tmp_path: Path) -> None:
    groups = [case.group for case in humaneval_cases(write_tasks(tmp_path / "t.jsonl"))]
    assert groups[1] == groups[2] != groups[0]


def test_the_program_calls_the_tests_with_the_function(tmp_path: Path) -> None:
    case = humaneval_cases(write_tasks(tmp_path / "t.jsonl"))[0]
    program = case.program(case.truth)
    assert program is not None
    exec(program, {})
    wrong = case.program(("    return a - b",))
    assert wrong is not None
    with pytest.raises(AssertionError):
        exec(wrong, {})


def test_edits_turn_the_true_file_into_the_filled_one() -> None:
    gaps = (Gap(), Gap(), Gap())
    case = Case("i", "g", "a.py", ("a", "bb", "", "d"), gaps, ("1", "22", ""), Kind.SEVERAL)
    true = case.document(case.truth)
    assert true == "a1bb22d"
    for texts in (("x", "", "zz"), case.truth, ("", "", "")):
        assert apply_edits(true, case.edits(texts)) == case.document(texts)


def test_a_guard_built_from_task_texts_recognises_the_tasks(tmp_path: Path) -> None:
    texts = task_texts(write_tasks(tmp_path / "tasks.jsonl.gz"))
    guard = Contamination.of(texts)
    largest = TASKS[1]["prompt"] + TASKS[1]["canonical_solution"] + TASKS[1]["suffix"]
    assert guard.matches("import sys\n\n" + largest)
    assert not guard.matches("import sys\n\nprint(sys.argv)\n")
    assert any("assert candidate([1, 3, 2]) == 3" in text for text in texts)


def test_a_sample_keeps_the_order_and_depends_only_on_the_seed(tmp_path: Path) -> None:
    cases = humaneval_cases(write_tasks(tmp_path / "t.jsonl"))
    assert sample(cases, None, 1) == cases == sample(cases, 99, 1)
    chosen = [sample(cases, 2, seed) for seed in range(20)]
    assert chosen == [sample(cases, 2, seed) for seed in range(20)]
    assert len(set(chosen)) > 1
    assert all(list(pair) == sorted(pair, key=cases.index) for pair in chosen)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("other.jsonl", b'{"task": 1}\n'),
        ("text.jsonl", b"print('hello')\n"),
        ("list.jsonl", b"[1, 2]\n"),
        ("not_packed.jsonl.gz", b"plain"),
        ("cut_off.jsonl.gz", b"\x1f\x8b\x08\x00"),
        ("binary.jsonl", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_is_not_the_benchmark_is_refused_by_name(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceFileError, match=name):
        humaneval_cases(tmp_path / name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"gone\.jsonl"):
        task_texts(tmp_path / "gone.jsonl")
