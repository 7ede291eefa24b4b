"""The terms that a trained adapter adds to a frozen network, on mask rows only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from dgls.network.linear import Linear


@dataclass(frozen=True, slots=True)
class LowRank:
    """A linear layer's low-rank term (Hu et al. 2021, arXiv:2106.09685).

    `down` is [inputs, rank], `up` [rank, outputs].
    """

    down: Tensor
    up: Tensor

    def add(self, rows: Tensor, out: Tensor) -> None:
        """Add the term of `rows` [n, inputs] to `out` [n, outputs] in place."""
        out.addmm_(rows @ self.down, self.up)


class MaskedLinear:
    """A linear layer for a pass whose last `count` rows are masks, to which it adds `term`."""

    def __init__(self, linear: Linear, term: LowRank, count: int) -> None:
        self._linear = linear
        self._term = term
        self._count = count

    def __call__(self, rows: Tensor) -> Tensor:
        """[rows, inputs] to [rows, outputs]."""
        out = self._linear(rows)
        self._term.add(rows[-self._count :], out[-self._count :])
        return out


@dataclass(frozen=True, slots=True)
class MaskLayer:
    """The terms of one layer, by the names of its matrices."""

    qkv: LowRank
    out: LowRank
    gate_up: LowRank
    down: LowRank


@dataclass(frozen=True, slots=True)
class Masks:
    """Mask rows of a pass: an embedding for each [masks, width], and the terms of every layer.

    Gated as in Samragh et al. 2025 (arXiv:2507.11851): rows of tokens never get the terms.
    """

    embeddings: Tensor
    layers: tuple[MaskLayer, ...]

    def __len__(self) -> int:
        return len(self.embeddings)

    def first(self, count: int) -> Masks:
        """The first `count` masks."""
        return replace(self, embeddings=self.embeddings[:count])
