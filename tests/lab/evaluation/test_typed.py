"""Places of functions that are typed again, and what a confidence makes of them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from dgls.errors import SourceFileError
from dgls.fill.running import CausalStrategy
from dgls.lab.evaluation.cases import Kind
from dgls.lab.evaluation.causal_calibration import Judged, Row, fit
from dgls.lab.evaluation.typed import typed_cases
from dgls.policy.ask import Moment

SOURCE = '''"""A module."""


def total(prices, taxes):
    """The sum."""
    result = 0
    for price in prices:
        result += price
    return result + taxes


def mean(values):
    return total(values, 0) / len(values)
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SOURCE)
    return tmp_path


def test_the_rest_of_the_function_is_missing_and_the_truth_is_the_rest_of_the_line(
    tree: Path,
) -> None:
    cases = typed_cases(tree, 40, 0)
    assert len(cases) > 20
    for case in cases:
        before, after = case.parts
        assert case.kind is Kind.TYPED
        assert SOURCE.startswith(before + case.truth[0])
        assert SOURCE.endswith(after)
        assert "\n" not in case.truth[0]
        # What follows begins after the function.
        assert after in ("\n\n\ndef mean(values):" + SOURCE.partition("def mean(values):")[2], "\n")


def test_places_between_words_come_more_often_than_those_in_words(tree: Path) -> None:
    heads = [case.parts[0].rpartition("\n")[2] for case in typed_cases(tree, 20, 1)]
    in_words = [Moment(head, "").in_word for head in heads]
    assert 0 < sum(in_words) < len(in_words) / 2
    # A new line comes with its indentation.
    assert not any(head.isspace() and len(head) not in (4, 8) for head in heads)


def test_a_tree_without_functions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "constants.py").write_text("A = 1\n")
    with pytest.raises(SourceFileError, match="no function to type"):
        typed_cases(tmp_path, 5, 0)


def judged(chance: Random, number: int, *, typed: bool, right_from: float) -> Judged:
    """A case whose text is right where its log-probability is above `right_from`, mostly."""
    total = chance.uniform(-10.0, 0.0)
    right = (total > right_from) is (chance.random() < 0.95)
    row = Row({"total": total, "typed": float(typed)}, right, "x")
    return Judged(str(number), False, typed, row, (row,), (row,))


def test_the_threshold_is_that_of_places_that_are_typed() -> None:
    chance = Random(0)
    gaps = [judged(chance, n, typed=False, right_from=-8.0) for n in range(400)]
    typed = [judged(chance, n, typed=True, right_from=-2.0) for n in range(400)]
    alone, both = fit(gaps, CausalStrategy(), "gaps"), fit(gaps + typed, CausalStrategy(), "both")
    assert alone.shown is not None
    assert both.shown is not None
    # Four fifths of the gaps are right, and a fifth of what is typed.
    assert alone.shown.coverage > 0.7
    assert both.shown.coverage < 0.4
