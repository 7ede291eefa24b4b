"""The prefix in buffers at fixed addresses, where a captured step finds it at any length."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dgls.network.fast.operations import Lengths, Reach
from dgls.network.fast.weights import Layer
from dgls.network.past import Past


class PrefixBuffers:
    """Keys and values of one prefix of at most `room` tokens, and the lengths in use.

    A sliding layer holds only the last `window - 1` tokens, which is what a canvas may see.
    """

    def __init__(self, layers: Sequence[Layer], room: int, window: int, like: Tensor) -> None:
        self.room = room
        self._reach = [_reach(layer, room, window, like) for layer in layers]
        self.lengths = Lengths(torch.zeros(4, dtype=torch.int32, device=like.device))
        self._loaded: Past | None = None
        self._canvas = 0

    def reach(self, layer: int) -> Reach:
        """The prefix of layer number `layer`."""
        return self._reach[layer]

    def hold(self, past: Past, canvas: int) -> None:
        """Copy the first row of a past here, unless it is here already, and set the lengths."""
        if past is self._loaded and canvas == self._canvas:
            return
        if past is not self._loaded:
            self._load(past)
        self._loaded, self._canvas = past, canvas
        sliding = [reach.keys.shape[1] for reach in self._reach if reach.kept == Lengths.SLIDING]
        kept = min([past.length, *sliding])
        numbers = torch.tensor([past.length, canvas, past.length, kept], dtype=torch.int32)
        self.lengths.device.copy_(numbers)

    def forget(self) -> None:
        """Mark the content as changed, so that the next `hold` copies it again."""
        self._loaded = None

    def pretend(self, canvas: int) -> None:
        """Set only the length of a canvas, for a step that is to be captured."""
        self.forget()
        self.lengths.device.copy_(torch.tensor([0, canvas, 0, 0], dtype=torch.int32))

    def _load(self, past: Past) -> None:
        for reach, keys, values in zip(self._reach, past.keys, past.values, strict=True):
            room = reach.keys.shape[1]
            kept = min(room, keys.shape[-2])
            reach.keys[:, :kept].copy_(keys[0, :, -kept:])
            reach.values[:, :kept].copy_(values[0, :, -kept:])


def _reach(layer: Layer, room: int, window: int, like: Tensor) -> Reach:
    attention = layer.attention
    held = min(room, window - 1) if layer.sliding else room
    # Zeros, because a key beyond the length gets a weight of zero, and zero times NaN is NaN.
    keys = like.new_zeros(attention.shared, held, attention.dim)
    kept = Lengths.SLIDING if layer.sliding else Lengths.FULL
    return Reach(keys, torch.zeros_like(keys), kept)
