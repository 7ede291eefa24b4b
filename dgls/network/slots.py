"""Keys and values of the tokens that a causal network has read: one growing buffer of slots."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dgls.network.attention import whole_blocks

_GROWTH = 256
"""Slots are added in steps of this size, so that a fill rarely moves the buffer."""


@dataclass(frozen=True, slots=True)
class SlotShape:
    """The shape of a slot: `layers` times `heads` keys and values of `width` numbers."""

    layers: int
    heads: int
    width: int


class Slots:
    """The read tokens in reading order.

    A slot is a token of one text or, after the text's end, of one of several branches that continue
    it; the reader's mask decides which slots a token sees. `keys` and `values` are [layers, heads,
    capacity, width]; the first `length` slots are filled.
    """

    def __init__(
        self,
        shape: SlotShape,
        capacity: int = _GROWTH,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self._shape = shape
        size = (shape.layers, shape.heads, whole_blocks(max(1, capacity)), shape.width)
        # Attention reads the last block whole, so the unfilled slots must be finite.
        self.keys = torch.zeros(size, dtype=dtype, device=device)
        self.values = torch.zeros(size, dtype=dtype, device=device)
        self.length = 0

    @property
    def bytes(self) -> int:
        """The size of the buffers in bytes."""
        return self.keys.nbytes + self.values.nbytes

    def reserve(self, more: int) -> None:
        """Make room for `more` slots after the filled ones."""
        wanted = self.length + more
        if wanted <= self.keys.shape[2]:
            return
        capacity = -(-wanted // _GROWTH) * _GROWTH
        self.keys = self._grown(self.keys, capacity)
        self.values = self._grown(self.values, capacity)

    def write(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write [heads, tokens, width] after the filled slots of a layer.

        Returns the layer's keys and values up to the end of the block of the last new one. `length`
        stays: `advance` counts the new slots once all layers have written them.
        """
        end = self.length + keys.shape[1]
        blocks = whole_blocks(end)
        self.keys[layer, :, self.length : end] = keys
        self.values[layer, :, self.length : end] = values
        return self.keys[layer, :, :blocks], self.values[layer, :, :blocks]

    def advance(self, count: int) -> None:
        """Count `count` more slots as filled."""
        self.length += count

    def cut(self, length: int) -> None:
        """Drop the slots after the first `length`."""
        self.length = min(self.length, length)

    def keep(self, length: int, then: list[int]) -> None:
        """Keep the first `length` slots and move those at `then` (ascending) right after them."""
        if then != list(range(length, length + len(then))):
            index = torch.tensor(then, device=self.keys.device)
            end = length + len(then)
            self.keys[:, :, length:end] = self.keys.index_select(2, index)
            self.values[:, :, length:end] = self.values.index_select(2, index)
        self.length = length + len(then)

    def become(self, other: Slots, length: int) -> None:
        """Copy the first `length` slots of `other`, which may be this object."""
        if other is not self:
            self.length = 0
            self.reserve(length)
            self.keys[:, :, :length] = other.keys[:, :, :length]
            self.values[:, :, :length] = other.values[:, :, :length]
        self.length = length

    def _grown(self, buffer: Tensor, capacity: int) -> Tensor:
        layers, heads, _, width = buffer.shape
        grown = buffer.new_zeros((layers, heads, capacity, width))
        grown[:, :, : self.length] = buffer[:, :, : self.length]
        return grown
