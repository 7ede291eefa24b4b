"""A denoiser overrules a draft only where it is surer than the draft's author."""

from __future__ import annotations

import pytest
import torch

from dgls.diffusion.revision import revise
from dgls.errors import Stopped


def wants_one(tokens, conditioning):
    """Token 1 with probability 0.8 everywhere, of four tokens."""
    return torch.tensor([0.2 / 3, 0.8, 0.2 / 3, 0.2 / 3]).log().expand(*tokens.shape, 4)


@pytest.mark.parametrize(
    ("author", "opened", "expected", "passes"),
    [
        (0.9, True, [0, 2], 1),
        (0.5, True, [1, 1], 2),
        (0.5, False, [0, 2], 1),
    ],
)
def test_only_open_positions_are_overruled_and_only_if_surer(author, opened, expected, passes):
    tokens = torch.tensor([[0, 2]])
    certainty = torch.full((1, 2), author).log()
    result = revise(wants_one, tokens, torch.full((1, 2), opened), certainty, 3)
    assert result.tokens.tolist() == [expected]
    assert result.passes == passes


def test_the_draft_is_not_modified():
    tokens = torch.tensor([[0, 2]])
    revise(wants_one, tokens, torch.ones(1, 2, dtype=torch.bool), torch.zeros(1, 2) - 9, 2)
    assert tokens.tolist() == [[0, 2]]


def test_a_stop_takes_effect_before_a_pass():
    tokens = torch.tensor([[0, 2]])
    open_ = torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(Stopped):
        revise(wants_one, tokens, open_, torch.zeros(1, 2), 2, should_stop=lambda: True)
