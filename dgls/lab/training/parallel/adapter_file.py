"""Writes an adapter for `dgls.checkpoint.adapter`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from dgls.checkpoint.adapter import FORMAT, AdapterWeights
from dgls.checkpoint.trained_file import Int8Matrix
from dgls.lab.training.parallel.adapter import Adapter


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


def restore(adapter: Adapter, weights: AdapterWeights) -> None:
    """Set `adapter`'s parameters to stored ones, to continue training."""
    with torch.no_grad():
        adapter.mask_embedding.copy_(weights.mask_embedding)
        for name, parameter in _matrices(adapter).items():
            parameter.copy_(weights.matrices[name].dense())


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


def _quantised(matrix: Tensor) -> Int8Matrix:
    scale = matrix.abs().amax(1).clamp_min(1e-12) / 127
    steps = (matrix / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
    return Int8Matrix(steps, scale)
