"""An adapter's file: 8-bit weights with a scale per row, and the base that it belongs to.

Metadata: `format`, `base_sha256` (the published file's), `recipe` and `figures` as JSON. Tokens are
the published ids, so the file fits the whole base, not only the part used in training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dgls.checkpoint.checks import is_count, shown
from dgls.checkpoint.trained_file import Int8Matrix, TrainedFile
from dgls.errors import CheckpointError, ModelNotFoundError

FORMAT = "dgls-canvas-adapter-1"


@dataclass(frozen=True, slots=True)
class AdapterShape:
    """The adapter's sizes: masks after an anchor, LoRA rank, the sampler's inner width."""

    masks: int = 4
    rank: int = 16
    sampler: int = 896


@dataclass(frozen=True)
class AdapterWeights:
    """An adapter as it was stored.

    `matrices` are by name: `{layer}.{linear}.down` [rank, in] and `.up` [out, rank], where linear
    is qkv, out, gate_up or down (joined in this order), and `sampler.in` and `sampler.out`.
    `draft_ids` [drafts] are the published tokens that may be drafted.
    """

    size: AdapterShape
    base_sha256: str
    draft_ids: Tensor
    mask_embedding: Tensor
    matrices: Mapping[str, Int8Matrix]
    figures: Mapping[str, Any]


def load_adapter(path: Path, base_sha256: str) -> AdapterWeights:
    """The adapter in `path`, for the base with that hash.

    Raises `ModelNotFoundError` if there is no such file, and `CheckpointError` for one that is
    truncated, of another version, for another base, or has non-finite values.
    """
    if not path.is_file():
        raise ModelNotFoundError(f"There is no adapter at {path}; fills continue without it.")
    file = TrainedFile.read(path, FORMAT, _refused)
    if file.metadata.get("base_sha256") != base_sha256:
        raise _refused(
            path, "it was trained on another base model, or on this one without its LoRA"
        )
    if bad := [name for name, value in file.tensors.items() if not bool(value.isfinite().all())]:
        raise _refused(path, f"{bad[0]} holds numbers that are not finite")
    try:
        weights = _weights(file)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise _refused(path, f"something is missing in it ({error})") from error
    for what in _faults(weights):
        raise _refused(path, what)
    return weights


def _weights(file: TrainedFile) -> AdapterWeights:
    metadata, tensors = file.metadata, file.tensors
    return AdapterWeights(
        size=AdapterShape(**json.loads(metadata["recipe"])),
        base_sha256=metadata["base_sha256"],
        draft_ids=tensors["draft_ids"].long(),
        mask_embedding=tensors["mask_embedding"],
        matrices=file.matrices,
        figures=json.loads(metadata["figures"]),
    )


def _faults(weights: AdapterWeights) -> Iterator[str]:
    """Faults that do not depend on the base."""
    for name, size in asdict(weights.size).items():
        if not is_count(size):
            yield f"'{name}' must be a whole number of 1 or more, not {shown(size)}"
    if not isinstance(weights.figures, dict):
        yield f"'figures' must be an object, not {shown(weights.figures)}"
    if weights.draft_ids.dim() != 1 or not len(weights.draft_ids) or weights.draft_ids.min() < 0:
        yield "draft_ids must be a row of tokens"
    if weights.mask_embedding.dim() != 2 or not weights.mask_embedding.is_floating_point():
        yield "mask_embedding must be a matrix of floating-point numbers"
    for name, matrix in weights.matrices.items():
        yield from matrix.faults(name)
        if matrix.scale.numel() and matrix.scale.min() < 0:
            yield f"{name}.scale holds numbers below 0"


def _refused(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"The adapter {path} was refused: {reason}. Fills continue without it; fetch it "
        "again or train one with `dgls train --recipe canvas`."
    )
