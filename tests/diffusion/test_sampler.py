"""Acceptance, noise and stopping as pure functions over small tensors."""

from __future__ import annotations

import torch

from dgls.diffusion.noise import keep_share, uniform_tokens
from dgls.diffusion.sampler import Order, accept, accept_by_confidence, entropy_of, sample
from dgls.diffusion.stopping import StopRule, done, mean_entropy


def taken(mask: torch.Tensor) -> list[str]:
    return ["".join("x" if accepted else "." for accepted in row) for row in mask.tolist()]


def test_the_bound_leaves_the_largest_entropy_out():
    entropy = torch.tensor([[0.3, 0.05, 0.04, 0.9], [2.0, 3.0, 4.0, 5.0]])
    everywhere = torch.ones_like(entropy, dtype=torch.bool)
    assert taken(accept_by_confidence(entropy, everywhere, 0.1)) == ["xxx.", "x..."]


def test_only_open_positions_are_accepted_and_counted():
    entropy = torch.tensor([[0.05, 0.05, 0.06, 0.07, 0.6]])
    open_ = torch.tensor([[False, False, True, True, True]])
    nothing = torch.zeros_like(open_)
    assert taken(accept(entropy, open_, nothing, 0.1, Order.CONFIDENCE)) == ["..xx."]
    assert taken(accept(entropy, open_, nothing, 0.1, Order.LEFT)) == ["..xx."]


def test_left_continues_where_it_stopped_and_keeps_accepted_positions():
    entropy = torch.tensor([[9.0, 0.2, 0.2, 0.2, 9.0]])
    open_ = torch.ones_like(entropy, dtype=torch.bool)
    before = torch.tensor([[True, False, False, False, False]])
    assert taken(accept(entropy, open_, before, 0.3, Order.LEFT)) == ["xxx.."]
    assert taken(accept(entropy, open_, before, 0.0, Order.LEFT)) == ["xx..."]


def test_a_canvas_without_open_positions_accepts_nothing():
    closed = torch.zeros(1, 3, dtype=torch.bool)
    for order in Order:
        assert taken(accept(torch.zeros(1, 3), closed, closed, 0.1, order)) == ["..."]
    assert mean_entropy(torch.ones(1, 3), closed).tolist() == [0.0]
    nothing_changed = torch.tensor([1])
    assert done(StopRule(), nothing_changed, torch.ones(1, 3), closed, closed).tolist() == [True]


def test_entropy_is_right_with_ruled_out_tokens():
    logits = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    logits[0, 0, :6] = -torch.inf
    log_probs = torch.log_softmax(logits, -1)
    expected = torch.distributions.Categorical(logits=logits).entropy()
    assert torch.allclose(entropy_of(log_probs), expected, atol=1e-6)
    assert entropy_of(log_probs)[0, 0] == 0


def test_the_same_generator_repeats_the_draws():
    logits = torch.randn(2, 6, 50, generator=torch.Generator().manual_seed(1))
    draws = [sample(logits, torch.Generator().manual_seed(5)) for _ in range(2)]
    noise = [uniform_tokens(draws[0], 50, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*draws)
    assert torch.equal(*noise)
    assert draws[0].shape == (2, 6)


def test_strength_sets_the_share_of_open_positions_noised():
    open_ = torch.tensor([[True] * 8 + [False] * 4])
    for strength, kept in ((0.0, 8), (0.01, 7), (0.5, 4), (1.0, 0)):
        keep = keep_share(open_, strength, torch.Generator().manual_seed(0))
        assert keep.sum() == kept
        assert not (keep & ~open_).any()
