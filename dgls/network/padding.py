"""Pasts of different lengths as one, padded on the left, for a network that takes one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from dgls.network.past import Past


@dataclass(frozen=True, slots=True)
class Padded:
    """`past` has the rows of all parts stacked, each padded to the longest.

    Part i has `rows[i]` rows, whose first `padding[i]` tokens are padding: `mask` hides them, and
    `positions` do not count them.
    """

    past: Past
    rows: tuple[int, ...]
    padding: tuple[int, ...]

    @classmethod
    def of(cls, pasts: Sequence[Past], rows: Sequence[int]) -> Padded:
        """The pasts as one; each is that of `rows[i]` rows."""
        longest = max(past.length for past in pasts)
        wide = [
            past.for_batch(count) if len(past.keys[0]) == 1 else past
            for past, count in zip(pasts, rows, strict=True)
        ]
        keys = tuple(map(_concatenated, zip(*(past.keys for past in wide), strict=True)))
        values = tuple(map(_concatenated, zip(*(past.values for past in wide), strict=True)))
        padding = tuple(longest - past.length for past in pasts)
        return cls(Past(keys, values, longest, pasts[0].windows), tuple(rows), padding)

    def mask(self, new: int) -> Tensor:
        """Which of the tokens, with `new` more, are real: bool [all rows, length + new]."""
        index = torch.arange(self.past.length + new, device=self._first.device)
        return index >= self._each[:, None]

    def positions(self, new: int) -> Tensor:
        """The positions of `new` tokens: int64 [all rows, new]."""
        after = torch.arange(new, device=self._first.device) + self.past.length
        return after - self._each[:, None]

    def apart(self, tensors: Sequence[Tensor], new: int) -> list[list[Tensor]]:
        """Each part's keys or values of every layer, with `new` more tokens and without padding."""
        split = [tensor.split_with_sizes(self.rows) for tensor in tensors]
        lengths = [self.past.length + new - padding for padding in self.padding]
        return [
            [pieces[part][..., -length:, :] for pieces in split]
            for part, length in enumerate(lengths)
        ]

    @property
    def _first(self) -> Tensor:
        return self.past.keys[0]

    @property
    def _each(self) -> Tensor:
        """The padding of each row: int64 [all rows]."""
        padding = torch.tensor(self.padding, device=self._first.device)
        return padding.repeat_interleave(torch.tensor(self.rows, device=self._first.device))


def _concatenated(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors [batch, heads, kept, dim] stacked into one, padded on the left to the longest."""
    longest = max(tensor.shape[-2] for tensor in tensors)
    return torch.cat(
        [functional.pad(tensor, (0, 0, longest - tensor.shape[-2], 0)) for tensor in tensors]
    )
