"""The wait before the model is asked, by the user's typing rhythm."""

from __future__ import annotations

import pytest

from dgls.policy.rhythm import quantile


@pytest.mark.parametrize(
    ("values", "share", "value"),
    [
        (tuple(range(1, 11)), 0.9, 9),
        (tuple(range(1, 11)), 1.0, 10),
        ((9, 1), 0.5, 1),
        ((3, 1, 2), 0.5, 2),
        ((7,), 0.0, 7),
    ],
)
def test_a_quantile_is_the_smallest_value_covering_its_share(
    values: tuple[float, ...], share: float, value: float
) -> None:
    assert quantile(values, share) == value
