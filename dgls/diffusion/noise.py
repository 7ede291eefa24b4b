"""Uniform noise over the vocabulary: what DiffusionGemma starts from and renoises with."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform_tokens(like: Tensor, vocabulary: int, generator: torch.Generator) -> Tensor:
    """Random token ids of the shape and device of `like`, each of `vocabulary` equally likely."""
    return torch.randint(0, vocabulary, like.shape, generator=generator, device=like.device)


def keep_share(open_: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Which open positions keep their token when a share `strength` of them is noised.

    bool [batch, canvas]; exactly `strength` of each row's open positions, rounded up, are noised,
    so that a little strength always does something.
    """
    order = torch.rand(open_.shape, generator=generator, device=open_.device)
    rank = torch.where(open_, order, torch.inf).argsort(dim=-1).argsort(dim=-1)
    noised = torch.ceil(open_.sum(dim=-1, keepdim=True) * strength)
    return open_ & (rank >= noised)
