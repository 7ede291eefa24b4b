"""The adapter's file: 8 bits a weight with a scale a row, and what it belongs to.

Metadata: `format`, `base_sha256` (the published file's), `recipe` and `figures` as JSON. Tokens
are the published ids, so the file serves the whole base, not the part that was trained with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dgls.errors import CheckpointError, ModelNotFoundError
from dgls.training.parallel.adapter import Adapter, AdapterShape

FORMAT = "dgls-canvas-adapter-1"


@dataclass(frozen=True)
class Quantised:
    """A matrix of `steps` [out, in] in int8 times `scale` [out] in fp32."""

    steps: Tensor
    scale: Tensor

    def dense(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The matrix itself."""
        return (self.steps.float() * self.scale[:, None]).to(dtype)


@dataclass(frozen=True)
class AdapterWeights:
    """An adapter as it was stored.

    `matrices` are by name: `{layer}.{linear}.down` [rank, in] and `.up` [out, rank], where linear
    is qkv, out, gate_up or down (joined in this order), `sampler.in` and `sampler.out`.
    `draft_ids` [drafts] are the published tokens that may be drafted.
    """

    size: AdapterShape
    base_sha256: str
    draft_ids: Tensor
    mask_embedding: Tensor
    matrices: Mapping[str, Quantised]
    figures: Mapping[str, Any]


def save_adapter(adapter: Adapter, base: Any, figures: Mapping[str, Any], path: Path) -> None:
    """Write `adapter`, trained on `base` (a `Base`), with its figures on held-out gaps."""
    tensors: dict[str, Tensor] = {
        "draft_ids": base.token_ids[adapter.draft_rows].to(torch.int32).cpu(),
        "mask_embedding": adapter.mask_embedding.detach().float().cpu(),
    }
    for name, matrix in _matrices(adapter).items():
        packed = _quantised(matrix.detach().float().cpu())
        tensors[f"{name}.steps"], tensors[f"{name}.scale"] = packed.steps, packed.scale
    metadata = {
        "format": FORMAT,
        "base_sha256": base.sha256,
        "recipe": json.dumps(asdict(adapter.size)),
        "figures": json.dumps(dict(figures)),
    }
    save_file(tensors, path, metadata)


def load_adapter(path: Path, base_sha256: str) -> AdapterWeights:
    """The adapter in `path`, for the base of that hash.

    Raises `ModelNotFoundError` where there is no such file, and `CheckpointError` for one that is
    truncated, of another version, for another base, or holds numbers that are not finite.
    """
    if not path.is_file():
        raise ModelNotFoundError(f"There is no adapter at {path}; fills go on without it.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _refused(path, f"it is not a whole safetensors file ({error})") from error
    if metadata.get("format") != FORMAT:
        raise _refused(path, f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
    if metadata.get("base_sha256") != base_sha256:
        raise _refused(path, "it was trained on another base model")
    if bad := [name for name, value in tensors.items() if not bool(value.isfinite().all())]:
        raise _refused(path, f"{bad[0]} holds numbers that are not finite")
    try:
        return _weights(tensors, metadata)
    except (KeyError, ValueError, TypeError) as error:
        raise _refused(path, f"something is missing in it ({error})") from error


def restore(adapter: Adapter, weights: AdapterWeights) -> None:
    """Set `adapter`'s parameters to what was stored, to train on from there."""
    with torch.no_grad():
        adapter.mask_embedding.copy_(weights.mask_embedding)
        for name, parameter in _matrices(adapter).items():
            parameter.copy_(weights.matrices[name].dense())


def _weights(tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> AdapterWeights:
    names = [name.removesuffix(".steps") for name in tensors if name.endswith(".steps")]
    return AdapterWeights(
        size=AdapterShape(**json.loads(metadata["recipe"])),
        base_sha256=metadata["base_sha256"],
        draft_ids=tensors["draft_ids"].long(),
        mask_embedding=tensors["mask_embedding"],
        matrices={n: Quantised(tensors[f"{n}.steps"], tensors[f"{n}.scale"]) for n in names},
        figures=json.loads(metadata["figures"]),
    )


def _matrices(adapter: Adapter) -> dict[str, Tensor]:
    named: dict[str, Tensor] = {
        "sampler.in": adapter.sampler_in,
        "sampler.out": adapter.sampler_out,
    }
    for key in adapter.down:
        layer, linear = key.split("_", 1)
        named[f"{layer}.{linear}.down"] = adapter.down[key]
        named[f"{layer}.{linear}.up"] = adapter.up[key]
    return named


def _quantised(matrix: Tensor) -> Quantised:
    scale = matrix.abs().amax(1).clamp_min(1e-12) / 127
    steps = (matrix / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return Quantised(steps, scale)


def _refused(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"The adapter {path} was refused: {reason}. Fills go on without it; fetch it again or "
        f"train one with `dgls train --recipe canvas`."
    )
