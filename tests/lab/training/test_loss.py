"""The chunked loss equals the plain one."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from dgls.lab.training.loss import softcapped_cross_entropy


def test_value_and_gradients_equal_the_plain_computation() -> None:
    torch.manual_seed(0)
    hidden = (torch.randn(1300, 8) * 20).requires_grad_()
    weight = torch.randn(50, 8, requires_grad=True)
    targets = torch.randint(50, (1300,))
    plain = cross_entropy(30 * torch.tanh(hidden @ weight.T / 30), targets)
    expected = torch.autograd.grad(plain * 2, (hidden, weight))
    chunked = softcapped_cross_entropy(hidden, weight, targets, 30.0)
    found = torch.autograd.grad(chunked * 2, (hidden, weight))
    torch.testing.assert_close(chunked, plain)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
