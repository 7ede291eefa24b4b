"""Keys and values of tokens that were encoded: an immutable value that can be cut and widened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Past:
    """What every layer keeps of `length` encoded tokens.

    `keys` and `values` have one tensor [batch, heads, kept, dim] a layer. A sliding layer keeps
    its window only, so `kept` may be less than `length`. Where nothing moves, views are taken.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    length: int

    def cut(self, length: int) -> Past | None:
        """The first `length` tokens alone; None where a layer has dropped what it would need."""
        if length == self.length:
            return self
        if any(keys.shape[-2] != self.length for keys in self.keys):
            return None
        return Past(
            tuple(keys[..., :length, :] for keys in self.keys),
            tuple(values[..., :length, :] for values in self.values),
            length,
        )

    def for_batch(self, size: int) -> Past:
        """The same tokens before each of `size` rows, as views."""
        if size == 1:
            return self
        return Past(
            tuple(keys.expand(size, -1, -1, -1) for keys in self.keys),
            tuple(values.expand(size, -1, -1, -1) for values in self.values),
            self.length,
        )

    def rows(self, rows: Sequence[int]) -> Past:
        """The past of a batch whose row i goes on from this one's row `rows[i]`."""
        size = self.keys[0].shape[0]
        if list(rows) == list(range(size)):
            return self
        if size == 1:
            return self.for_batch(len(rows))
        index = torch.tensor(rows, device=self.keys[0].device)
        return Past(
            tuple(keys.index_select(0, index) for keys in self.keys),
            tuple(values.index_select(0, index) for values in self.values),
            self.length,
        )

    def to(self, dtype: torch.dtype) -> Past:
        """The same in another precision."""
        return Past(
            tuple(keys.to(dtype) for keys in self.keys),
            tuple(values.to(dtype) for values in self.values),
            self.length,
        )
