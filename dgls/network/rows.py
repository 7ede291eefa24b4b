"""What one pass of a causal network reads, and where in the text its rows are."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from dgls.network.masks import Masks


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one pass: `tokens` and then `masks`, n in all.

    Without `positions` [n] and `mask` they go on from the last slot, each seeing all before
    it and itself. `mask` is bool [m, length + n]: which slots each of the last m rows sees,
    the new ones last.
    """

    tokens: Tensor
    positions: Tensor | None = None
    mask: Tensor | None = None
    masks: Masks | None = None

    def __len__(self) -> int:
        return len(self.tokens) + (len(self.masks) if self.masks else 0)
