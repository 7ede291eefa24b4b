"""Uniform noise over the vocabulary, which DiffusionGemma starts from and renoises with."""

from __future__ import annotations

import torch
from torch import Tensor


def uniform_tokens(like: Tensor, vocabulary: int, generator: torch.Generator) -> Tensor:
    """Uniformly random token ids below `vocabulary`, with the shape and device of `like`."""
    return torch.randint(0, vocabulary, like.shape, generator=generator, device=like.device)


def keep_share(open_: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Which open positions keep their token when a share `strength` of them is noised.

    Returns bool [batch, canvas]. The noised share of each row's open positions is rounded up, so
    that a small `strength` still noises one.
    """
    order = torch.rand(open_.shape, generator=generator, device=open_.device)
    rank = torch.where(open_, order, torch.inf).argsort(dim=-1).argsort(dim=-1)
    noised = torch.ceil(open_.sum(dim=-1, keepdim=True) * strength)
    return open_ & (rank >= noised)
