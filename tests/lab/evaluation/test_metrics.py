"""Each measure of one answer, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.lab.evaluation.metrics import edit_distance, is_exact, score, similarity
from dgls.lab.evaluation.systems import Answer
from tests.lab.evaluation.samples import make_case

CASE = make_case("def f(x):\n    return ", "x + 1", "\n\n\nprint(f(1))\n")


@pytest.mark.parametrize(
    ("truth", "texts", "exact"),
    [
        (["a"], ["a"], True),
        (["a "], ["a"], True),
        (["a"], ["a \n"], True),
        (["a"], [" a"], False),
        (["a b"], ["a  b"], False),
        (["a", "b"], ["a", "b\n"], True),
        (["a", "b"], ["b", "a"], False),
    ],
)
def test_exact_match_ignores_only_trailing_white_space(
    truth: list[str], texts: list[str], exact: bool
) -> None:
    assert is_exact(truth, texts) is exact


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("flaw", "lawn", 2)],
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == distance == edit_distance(second, first)


@settings(deadline=None)
@given(st.text("ab", max_size=8), st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_edit_distance_is_a_metric(one: str, two: str, three: str) -> None:
    assert (edit_distance(one, two) == 0) == (one == two)
    assert edit_distance(one, three) <= edit_distance(one, two) + edit_distance(two, three)
    assert abs(len(one) - len(two)) <= edit_distance(one, two) <= max(len(one), len(two))


def test_similarity_is_taken_over_all_gaps() -> None:
    assert similarity(["abcd", "ef"], ["abcd", "xx"]) == pytest.approx(4 / 6)
    assert similarity([""], [""]) == 1.0
    assert similarity(["ab"], [""]) == 0.0


@pytest.mark.parametrize(
    ("text", "exact", "syntax", "length_error"),
    [
        ("x + 1", True, True, 0),
        ("x + 2", False, True, 0),
        ("x", False, True, -4),
        ("", False, True, -5),
        ("x + ", False, False, -1),
        ("(x + 1", False, False, 1),
        ('"', False, False, -4),
        ("x\n    y = (", False, False, 6),
    ],
)
def test_an_answer_is_scored(text: str, exact: bool, syntax: bool, length_error: int) -> None:
    scored = score(CASE, Answer((text,)))
    assert (scored.exact, scored.syntax, scored.length_error) == (exact, syntax, length_error)


@pytest.mark.parametrize(
    ("passed", "text", "right"),
    [(None, "x + 1", True), (None, "1 + x", False), (True, "1 + x", True), (False, "x + 1", False)],
)
def test_right_means_passing_the_tests_or_else_equal_to_the_truth(
    passed: bool | None, text: str, right: bool
) -> None:
    assert score(CASE, Answer((text,)), passed).right is right


def test_syntax_is_compared_with_the_true_file_errors_included() -> None:
    broken = make_case("def f(:\n    return ", "x + 1", "\n")
    assert score(broken, Answer(("x * 2",))).syntax


@pytest.mark.parametrize(("text", "confidence"), [("x + 1", 0.9), ("", 0.0), (" \n", 0.0)])
def test_an_empty_text_is_never_shown(text: str, confidence: float) -> None:
    assert score(CASE, Answer((text,), confidence=0.9)).confidence == confidence
