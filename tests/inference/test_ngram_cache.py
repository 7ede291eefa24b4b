"""The prompt as a small language model, mixed with the weights' own prediction."""

from __future__ import annotations

import pytest
import torch

from dgls.inference.ngram_cache import NgramCache

TEXT = (7, 1, 2, 3, 9, 1, 2, 4, 9, 5, 2)


@pytest.mark.parametrize(
    ("written", "share", "found"),
    [
        ((9, 1, 2), 0.5, {4: 1}),
        ((8, 1, 2), 0.3, {3: 1, 4: 1}),
        ((8, 6, 2), 0.1, {3: 1, 4: 1}),
        ((8,), 0.0, {}),
        ((), 0.1, {3: 1, 4: 1}),
    ],
)
def test_the_longest_repeated_context_sets_the_prediction(
    written: tuple[int, ...], share: float, found: dict[int, int]
) -> None:
    cache = NgramCache(TEXT, (0.1, 0.3, 0.5))
    assert cache.share(written) == (share, found)


def test_the_mixture_is_a_consistent_distribution() -> None:
    cache = NgramCache(TEXT, (0.1, 0.3, 0.5))
    log_probs = torch.log_softmax(torch.randn(12, generator=torch.manual_seed(0)), dim=-1)
    mixed = cache.mixed(log_probs, (9, 1, 2))
    assert float(mixed.exp().sum()) == pytest.approx(1)
    assert mixed.exp()[4] == pytest.approx(float(log_probs.exp()[4]) / 2 + 0.5)
    for token in range(12):
        one = cache.mixed_one(float(log_probs[token]), token, (9, 1, 2))
        assert one == pytest.approx(float(mixed[token]), abs=1e-5)


def test_without_shares_the_log_probs_are_unchanged() -> None:
    log_probs = torch.log_softmax(torch.randn(12), dim=-1)
    assert NgramCache(TEXT, ()).mixed(log_probs, (1, 2)) is log_probs
