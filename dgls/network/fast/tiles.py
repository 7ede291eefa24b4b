"""Tile sizes: which part of a matrix one program takes, to be measured and tuned.

Reading weights takes most of the time, so tiles are chosen to keep enough bytes in flight: some 30
to 60 KB per multiprocessor on Hopper. The sizes must divide the matrices, because weights are not
masked.
"""

from __future__ import annotations

from dataclasses import dataclass

from dgls.network.nf4 import BLOCK as NF4_BLOCK


@dataclass(frozen=True, slots=True)
class MatrixTile:
    """`tokens` by `rows` of the matrix, `columns` of it at a time, with `warps` warps."""

    tokens: int
    rows: int
    columns: int
    warps: int = 4
    stages: int = 4


@dataclass(frozen=True, slots=True)
class AttentionTile:
    """`queries` over `keys` at a time."""

    queries: int
    keys: int
    warps: int
    stages: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The widest tiles: rows and columns of each kernel, and the programs that fill the GPU."""

    widen_rows: int = 32
    widen_columns: int = 128
    narrow_rows: int = 64
    narrow_columns: int = 64
    nf4_rows: int = 64
    nf4_blocks: int = 1
    nf4_warps: int = 4
    stages: int = 4
    programs: int = 264


class Tiles:
    """Tiles for the kernels; one instance may be tuned while others stay as they are."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def widen(self, tokens: int, width: int, depth: int) -> MatrixTile:
        """For an expert's first matrix, [2 * width, depth]."""
        most = self.limits
        rows, columns = _divisor(width, most.widen_rows), _divisor(depth, most.widen_columns)
        return MatrixTile(_tokens(tokens), rows, columns, stages=most.stages)

    def narrow(self, tokens: int, width: int, depth: int) -> MatrixTile:
        """For an expert's second matrix, [width, depth]."""
        most = self.limits
        rows, columns = _divisor(width, most.narrow_rows), _divisor(depth, most.narrow_columns)
        return MatrixTile(_tokens(tokens), rows, columns, stages=most.stages)

    def widen_nf4(self, tokens: int, width: int, depth: int) -> MatrixTile:
        """For an expert's first matrix in 4 bits; its columns are whole scale blocks."""
        # Two products at once: half the rows use the same number of registers.
        return self._nf4(tokens, width, depth, self.limits.nf4_rows // 2)

    def narrow_nf4(self, tokens: int, width: int, depth: int) -> MatrixTile:
        """For an expert's second matrix in 4 bits."""
        return self._nf4(tokens, width, depth, self.limits.nf4_rows)

    def rows8(self, tokens: int, width: int, depth: int) -> MatrixTile:
        """For a matrix in 8 bits that is multiplied with every token."""
        block = 16 if tokens <= 16 else 32 if tokens <= 32 else 64
        return MatrixTile(block, _divisor(width, 32), _divisor(depth, 128))

    def attention(self, dim: int) -> AttentionTile:
        """For heads of `dim` dimensions: the wider a head, the fewer queries fit in registers."""
        if dim > 256:
            return AttentionTile(queries=16, keys=32, warps=4, stages=2)
        return AttentionTile(queries=32, keys=32, warps=4, stages=2)

    def splits(self, programs: int, room: int) -> int:
        """The number of splits of the prefix's keys, for `programs` blocks of queries."""
        wanted = max(1, self.limits.programs // programs)
        return min(wanted, max(1, room // 128), 16)

    def _nf4(self, tokens: int, width: int, depth: int, rows: int) -> MatrixTile:
        most, together = self.limits, _tokens(tokens)
        # With more tokens, their registers leave no room for blocks in flight.
        blocks = _divisor(depth // NF4_BLOCK, most.nf4_blocks if together == 16 else 1)
        return MatrixTile(
            together,
            _divisor(width, rows),
            blocks * NF4_BLOCK,
            warps=most.nf4_warps,
            stages=most.stages,
        )


def _tokens(tokens: int) -> int:
    """How many tokens of an expert are processed together.

    The number suits nearly every expert if each gets a sixteenth of all tokens, as with 8 of 128
    experts.
    """
    return 16 if tokens <= 128 else 32 if tokens <= 384 else 64


def _divisor(number: int, most: int) -> int:
    """The largest power of two that divides `number`, at most `most`."""
    return min(number & -number, most)
