"""Which precision of a model fits into memory. Knows no torch, so that it loads fast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAME = "google/diffusiongemma-26B-A4B-it"
"""The name of the published checkpoint for `hf download`."""

RESERVE = 2_500_000_000
"""Bytes reserved beside the weights: a prompt of some thousand tokens and one step's tensors.

Measured on one H200 with a prompt of 4,096 tokens (`docs/performance.md`): tensors took up to 2.0
GB beside the weights; captured steps, which are not counted as tensors, are estimated at half a GB.
Up to 3.0 GB were reserved, of which the allocator returns the unused part.
"""

PUBLISHED: Mapping[str, int] = {
    "none": 50_504_000_000,
    "8bit": 26_073_000_000,
    "4bit": 15_302_000_000,
}
"""Bytes of the published model's weights by scheme (`checkpoint.footprint`), most exact first."""


@dataclass(frozen=True, slots=True)
class PrecisionFit:
    """Whether a model in `scheme` fits: bytes `needed`, including the reserve, and `free`."""

    scheme: str
    needed: int
    free: int
    fits: bool


def fits(free: int, weights: Mapping[str, int] = PUBLISHED) -> tuple[PrecisionFit, ...]:
    """Every scheme for a machine with `free` bytes, in the order of `weights`."""
    needed = {scheme: size + RESERVE for scheme, size in weights.items()}
    return tuple(PrecisionFit(scheme, size, free, size <= free) for scheme, size in needed.items())


def best(found: tuple[PrecisionFit, ...]) -> PrecisionFit | None:
    """The first scheme that fits; None if none does."""
    return next((each for each in found if each.fits), None)
