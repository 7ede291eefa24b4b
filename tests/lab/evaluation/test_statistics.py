"""Intervals, duels and confidence tables, against figures computed by hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgls.lab.evaluation.confidence import by_coverage, reliability, shown_at, widest
from dgls.lab.evaluation.statistics import compare, mean_interval


def test_the_interval_holds_the_mean_and_repeats_with_its_seed() -> None:
    values = [float(index % 3 == 0) for index in range(90)]
    groups = [str(index) for index in range(90)]
    interval = mean_interval(values, groups, seed=1)
    assert interval.mean == pytest.approx(1 / 3)
    # The standard error is 0.0497, times 1.96 on each side.
    assert interval.low == pytest.approx(1 / 3 - 0.097, abs=0.02)
    assert interval.high == pytest.approx(1 / 3 + 0.097, abs=0.02)
    assert mean_interval(values, groups, seed=1) == interval


def test_groups_of_agreeing_cases_widen_the_interval() -> None:
    values = [float(index // 10 % 2) for index in range(100)]
    alone = mean_interval(values, [str(index) for index in range(100)], seed=0)
    grouped = mean_interval(values, [str(index // 10) for index in range(100)], seed=0)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_a_comparison_counts_cases_and_detects_a_clear_win() -> None:
    first = [True] * 30 + [False] * 20
    second = [True] * 10 + [False] * 30 + [True] * 10
    groups = [str(index) for index in range(50)]
    duel = compare(first, second, groups, seed=0)
    assert (duel.wins, duel.losses, duel.both, duel.neither) == (20, 10, 10, 10)
    assert duel.difference.mean == pytest.approx(0.2)
    assert compare([True] * 50, [False] * 50, groups, 0).verdict == "wins"
    assert compare([False] * 50, [True] * 50, groups, 0).verdict == "loses"
    assert compare(first, first, groups, 0).verdict == "level"


def test_a_reliability_table_equals_one_computed_by_hand() -> None:
    table = reliability([(0.05, False), (0.05, False), (0.92, True), (0.98, False), (1.0, True)])
    assert [(each.low, each.count) for each in table.bins] == [(0.0, 2), (0.9, 3)]
    assert table.bins[1].confidence == pytest.approx(2.9 / 3)
    assert table.bins[1].right == pytest.approx(2 / 3)
    assert table.error == pytest.approx((2 * 0.05 + 3 * 0.3) / 5)
    assert table.brier == pytest.approx((2 * 0.0025 + 0.0064 + 0.9604) / 5)


def test_a_calibrated_confidence_has_a_small_error() -> None:
    rng = random.Random(0)
    honest = [(p, rng.random() < p) for p in (rng.random() for _ in range(4000))]
    assert reliability(honest).error < 0.03
    boastful = [(1 - (1 - p) / 3, right) for p, right in honest]
    assert reliability(boastful).error > 0.2


JUDGED = [(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False), (0.4, False)]


def test_a_threshold_sets_coverage_and_precision() -> None:
    shown = shown_at(JUDGED, 0.7)
    assert (shown.coverage, shown.precision) == (0.5, pytest.approx(2 / 3))
    assert shown_at(JUDGED, 0.95).coverage == shown_at(JUDGED, 0.95).precision == 0.0
    assert shown_at([], 0.5).coverage == 0.0


def test_the_widest_coverage_may_lie_after_a_dip() -> None:
    # Five of eight are right from 0.3 up, though one of two was wrong from 0.8 up.
    judged = [(0.9, True), (0.8, False), (0.7, True), (0.6, True), (0.5, True), (0.4, False)]
    best = widest(judged)
    assert best is not None
    assert (best.threshold, best.precision) == (0.4, pytest.approx(4 / 6))
    assert widest([(0.9, False), (0.8, True)]) is None


def test_equal_confidences_are_shown_together() -> None:
    judged = [(0.5, True), (0.5, False), (0.5, True), (0.2, False)]
    assert [each.coverage for each in by_coverage(judged)] == [0.75, 1.0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.booleans()), min_size=1))
def test_the_tables_agree_with_each_other(judged: list[tuple[float, bool]]) -> None:
    best = widest(judged)
    for threshold in {confidence for confidence, _ in judged}:
        shown = shown_at(judged, threshold)
        if shown.precision >= 0.6:
            assert best is not None
            assert best.coverage >= shown.coverage
    if best is not None:
        assert shown_at(judged, best.threshold) == best
    for shown in by_coverage(judged):
        assert shown_at(judged, shown.threshold) == shown
    assert sum(each.count for each in reliability(judged).bins) == len(judged)
