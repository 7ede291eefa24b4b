"""Keys and values of encoded tokens: an immutable value that can be cut and extended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Past:
    """Each layer's keys and values of `length` encoded tokens.

    `keys` and `values` have one tensor [batch, heads, kept, dim] per layer: the last `kept` tokens.
    A sliding layer may have dropped the first ones. `windows` tells how many tokens each layer sees
    at once, including the newest, 0 for all; empty if all layers see all tokens. A layer that keeps
    more than it sees can be cut back by the difference. Methods return views where no data moves.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    length: int
    windows: tuple[int, ...] = ()

    def cut(self, length: int) -> Past | None:
        """The first `length` tokens; None if a layer has dropped tokens that it would need."""
        if length == self.length:
            return self
        dropped = [self.length - keys.shape[-2] for keys in self.keys]
        needed = [max(0, length - (window - 1)) if window else 0 for window in self._windows]
        if any(gone > first for gone, first in zip(dropped, needed, strict=True)):
            return None
        return self._sliced([slice(0, length - gone) for gone in dropped], length)

    def visible(self) -> Past:
        """The same without the tokens that are before each layer's window at the next token."""
        if not any(self.windows):
            return self
        kept = [slice(1 - window, None) if window > 1 else slice(None) for window in self._windows]
        return self._sliced(kept, self.length)

    def for_batch(self, size: int) -> Past:
        """The same tokens for each of `size` rows, as views."""
        return self if size == 1 else self._mapped(lambda kept: kept.expand(size, -1, -1, -1))

    def rows(self, rows: Sequence[int]) -> Past:
        """The past of a batch whose row i continues this one's row `rows[i]`."""
        size = self.keys[0].shape[0]
        if list(rows) == list(range(size)):
            return self
        if size == 1:
            return self.for_batch(len(rows))
        index = torch.tensor(rows, device=self.keys[0].device)
        return self._mapped(lambda kept: kept.index_select(0, index))

    @classmethod
    def below(cls, pasts: Sequence[Past]) -> Past:
        """The stacked rows of several pasts of one length."""
        keys = zip(*(past.keys for past in pasts), strict=True)
        values = zip(*(past.values for past in pasts), strict=True)
        return replace(
            pasts[0], keys=tuple(map(torch.cat, keys)), values=tuple(map(torch.cat, values))
        )

    def to(self, dtype: torch.dtype) -> Past:
        """The same in another precision."""
        return self._mapped(lambda kept: kept.to(dtype))

    @property
    def _windows(self) -> tuple[int, ...]:
        return self.windows or (0,) * len(self.keys)

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Past:
        """The same tokens, with each layer's keys and values changed."""
        return replace(
            self, keys=tuple(map(change, self.keys)), values=tuple(map(change, self.values))
        )

    def _sliced(self, kept: Sequence[slice], length: int) -> Past:
        """The `kept` positions of each layer, as the past of `length` tokens."""
        return replace(
            self,
            keys=tuple(keys[..., span, :] for keys, span in zip(self.keys, kept, strict=True)),
            values=tuple(
                values[..., span, :] for values, span in zip(self.values, kept, strict=True)
            ),
            length=length,
        )


def bytes_held(tensors: Iterable[Tensor]) -> int:
    """The bytes that the tensors keep allocated; shared storage counts once.

    A view keeps all of its base tensor.
    """
    storages = (tensor.untyped_storage() for tensor in tensors)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())
