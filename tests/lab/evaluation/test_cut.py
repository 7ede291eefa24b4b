"""Cutting cases from a tree: gaps are true pieces of a file, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from dgls.errors import SourceFileError
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.cut import MULTILINE, cut_cases
from dgls.lab.evaluation.places import places_of
from dgls.syntax.guard import keeps_syntax
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source
from tests.lab.evaluation.samples import ACCOUNTS, SHAPES, write_tree

COUNT = 60


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def cases(tree: Path) -> tuple[Case, ...]:
    return cut_cases(tree, COUNT, seed=3)


def test_filling_the_gaps_with_the_truth_restores_the_file(cases: tuple[Case, ...]) -> None:
    files = {"bank/accounts.py": ACCOUNTS, "shapes.py": SHAPES}
    for case in cases:
        assert case.document(case.truth) == files[case.path]
        assert all(text.strip() for text in case.truth)
        assert len(case.parts) == len(case.gaps) + 1 == len(case.truth) + 1


def test_only_files_that_parse_and_have_code_are_cut(cases: tuple[Case, ...]) -> None:
    assert {case.path for case in cases} == {"bank/accounts.py", "shapes.py"}


def test_every_kind_comes_about_equally_often(cases: tuple[Case, ...]) -> None:
    counts = Counter(case.kind for case in cases)
    assert set(counts) == set(Kind)
    # A small tree runs out of bodies and arguments before characters.
    assert max(counts.values()) == COUNT // len(Kind)
    assert min(counts.values()) >= 5


def test_the_same_seed_gives_the_same_cases(tree: Path, cases: tuple[Case, ...]) -> None:
    assert cut_cases(tree, COUNT, seed=3) == cases
    assert cut_cases(tree, COUNT, seed=4) != cases
    # Fewer cases are the first of many, so that a quick run agrees with a long one.
    assert cut_cases(tree, 10, seed=3) == cases[:10]


def test_no_case_comes_twice(cases: tuple[Case, ...]) -> None:
    assert len({case.id for case in cases}) == len(cases)
    assert len({(case.path, case.parts) for case in cases}) > 0.8 * len(cases)


def test_a_changed_file_gives_other_case_names(tmp_path: Path) -> None:
    write_tree(tmp_path)
    before = {case.id for case in cut_cases(tmp_path, 20, seed=0)}
    (tmp_path / "shapes.py").write_text(SHAPES + "\nLAST = 1\n")
    (tmp_path / "bank" / "accounts.py").write_text(ACCOUNTS + "\nLAST = 1\n")
    assert not before & {case.id for case in cut_cases(tmp_path, 20, seed=0)}


def of_kind(cases: tuple[Case, ...], kind: Kind) -> list[Case]:
    return [case for case in cases if case.kind is kind]


def test_a_line_end_begins_after_a_token_and_ends_with_its_line(cases: tuple[Case, ...]) -> None:
    for case in of_kind(cases, Kind.LINE_END):
        assert case.parts[0].rpartition("\n")[2].strip()
        assert case.parts[1].startswith("\n")
        assert "\n" not in case.truth[0]


def test_a_whole_line_begins_after_its_indentation(cases: tuple[Case, ...]) -> None:
    for case in of_kind(cases, Kind.WHOLE_LINE):
        assert not case.parts[0].rpartition("\n")[2].strip()
        assert case.parts[1].startswith("\n")


def test_arguments_are_between_brackets(cases: tuple[Case, ...]) -> None:
    for case in of_kind(cases, Kind.ARGUMENTS):
        assert case.parts[0].endswith("(")
        assert case.parts[1].startswith(")")


def test_a_body_is_a_block_and_may_have_several_lines(cases: tuple[Case, ...]) -> None:
    bodies = of_kind(cases, Kind.BODY)
    assert any("\n" in case.truth[0] for case in bodies)
    for case in bodies:
        assert case.truth[0].count("\n") < MULTILINE
        above = [line for line in case.parts[0].splitlines() if not line.strip().startswith("#")]
        assert above[-1].endswith(":") or above[-2].endswith(":")
        source = Source.parse(case.document(case.truth), language_of(case.path))
        assert keeps_syntax(source, case.edits(["pass"]))


def test_several_gaps_lie_on_lines_near_each_other(cases: tuple[Case, ...]) -> None:
    for case in of_kind(cases, Kind.SEVERAL):
        assert len(case.gaps) in {1, 2, 3}
        assert all(1 <= part.count("\n") <= 12 for part in case.parts[1:-1])
    assert any(len(case.gaps) > 1 for case in of_kind(cases, Kind.SEVERAL))


def test_the_limits_of_a_gap_reveal_nothing_about_its_truth(cases: tuple[Case, ...]) -> None:
    for case in cases:
        allowed = MULTILINE if case.kind is Kind.BODY else 1
        assert {gap.max_lines for gap in case.gaps} == {allowed}
        assert all(not gap.text for gap in case.gaps)


def test_no_places_are_in_strings_and_comments() -> None:
    text = 'def f(a):\n    """g(1)\n    h(2)\n    """\n    # i(3)\n    return k(4)\n\n\nf(1)\n'
    places = places_of(text, language_of("a.py"))
    assert places is not None
    assert [span.of(text) for span in places.arguments] == ["a", "4", "1"]
    assert [span.of(text) for span in places.lines] == ["def f(a):", "return k(4)", "f(1)"]
    assert all(span.of(text) != "h" for span in places.tokens)


@pytest.mark.parametrize("text", ["", "x = 1\n", "def f(:\n  pass\n", "A = [\n 1,\n 2,\n 3]\n" * 9])
def test_a_file_with_little_code_has_no_places(text: str) -> None:
    assert places_of(text, language_of("a.py")) is None


def test_a_tree_without_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(SourceFileError, match="holds no source"):
        cut_cases(tmp_path, 10, seed=0)
    with pytest.raises(SourceFileError, match="not a folder"):
        cut_cases(tmp_path / "notes.txt", 10, seed=0)
