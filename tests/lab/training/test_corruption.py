"""The noise patterns that the sampler will produce."""

from __future__ import annotations

import torch

from dgls.lab.training.corruption import Clean, Corruption, corrupt, noise_mask

OPEN = torch.tensor([[False, True, True, True, True, True, False]])
RANK = torch.tensor([[0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 0.0]])


def masks(corruption: Corruption, count: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rows = OPEN.expand(count, -1), RANK.expand(count, -1)
    return noise_mask(*rows, corruption, generator)


def only(**odds: float) -> Corruption:
    return Corruption(**{"independent": 0, "tail": 0, "ends": 0, "whole": 0, **odds})


def test_pinned_positions_are_never_noised() -> None:
    assert not (masks(Corruption()) & ~OPEN).any()


def test_the_whole_gap_is_noise() -> None:
    assert (masks(only(whole=1)) == OPEN).all()


def test_tail_noise_is_clean_up_to_a_position_and_noise_from_there() -> None:
    inside = masks(only(tail=1))[:, 1:6].int()
    assert (inside.diff(dim=1) >= 0).all()
    assert len({int(row.sum()) for row in inside}) >= 4


def test_noise_between_both_ends_is_one_run() -> None:
    inside = masks(only(ends=1))[:, 1:6].int()
    assert (inside.diff(dim=1).abs().sum(dim=1) <= 2).all()
    assert ((inside[:, 0] == 0) & (inside[:, -1] == 0) & (inside.sum(dim=1) > 0)).any()


def test_independent_noise_has_all_levels() -> None:
    shares = masks(only(independent=1), 400)[:, 1:6].float().mean(dim=1)
    assert shares.min() == 0
    assert shares.max() == 1
    assert 0.4 < shares.mean() < 0.6


def test_mistakes_are_tokens_of_the_prompt_at_open_positions() -> None:
    canvas = torch.full((50, 7), 3)
    prompt = torch.full((50, 4), 9)
    corruption = Corruption(1.0, 0, 0, 0, mistake_odds=1, mistakes=1)
    open_, rank = OPEN.expand(50, -1), RANK.expand(50, -1)
    generator = torch.Generator().manual_seed(1)
    noised = corrupt(Clean(canvas, open_, rank, prompt, 1000), corruption, generator)
    assert (noised[~open_] == 3).all()
    assert (noised[open_] == 9).float().mean() > 0.1
    assert (noised[open_] != 3).float().mean() > 0.95
