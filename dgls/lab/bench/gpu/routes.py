"""Operations with recorded or given experts, so that two passes differ only in rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dgls.network.fast.operations import Lengths, Operations, Shape


class Recorded:
    """Passes every operation on, and records the experts that each layer chose."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self.chosen: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operations, name)

    def route(
        self, scores: Tensor, scale: Tensor, top: int, lengths: Lengths, shape: Shape
    ) -> tuple[Tensor, Tensor]:
        chosen, shares = self._operations.route(scores, scale, top, lengths, shape)
        self.chosen.append(chosen)
        return chosen, shares


class Replayed:
    """Passes on every operation but the choice of experts, which is `chosen`, layer by layer.

    Their shares come from the pass's own scores. For whole canvases: every token must have its
    experts.
    """

    def __init__(self, operations: Operations, chosen: Sequence[Tensor]) -> None:
        self._operations = operations
        self._chosen = iter(chosen)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operations, name)

    def route(
        self, scores: Tensor, scale: Tensor, top: int, lengths: Lengths, shape: Shape
    ) -> tuple[Tensor, Tensor]:
        chosen = next(self._chosen)
        places = chosen.long()
        taken = scores.softmax(dim=-1, dtype=torch.float32).gather(1, places)
        return chosen, taken / taken.sum(dim=-1, keepdim=True) * scale[places].float()


def alike(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """The share of experts that both passes chose for the same token, over all layers."""
    shares = [
        (a[:, :, None] == b[:, None, :]).any(dim=2).float().mean()
        for a, b in zip(one, other, strict=True)
    ]
    return torch.stack(shares).mean().item()
