"""Random adapters for tiny networks, in memory and as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dgls.checkpoint.adapter import FORMAT, AdapterShape, AdapterWeights
from dgls.checkpoint.trained_file import Int8Matrix
from dgls.network.linear import quantized
from dgls.network.qwen2 import Qwen2Config

BASE = "a" * 64
SIZE = AdapterShape(masks=4, rank=4, sampler=32)


def random_adapter(config: Qwen2Config, drafts: int, seed: int = 0) -> AdapterWeights:
    """An adapter with a strong effect on its rows; the first `drafts` tokens may be drafted."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*size: int) -> Int8Matrix:
        return Int8Matrix(*quantized(torch.randn(size, generator=generator) * 0.2))

    joined = (config.heads + 2 * config.kv_heads) * config.head_width
    linears = {
        "qkv": (config.width, joined),
        "out": (config.width, config.width),
        "gate_up": (config.width, 2 * config.feed_forward),
        "down": (config.feed_forward, config.width),
    }
    matrices = {
        "sampler.in": drawn(SIZE.sampler, 2 * config.width),
        "sampler.out": drawn(config.width, SIZE.sampler),
    }
    for layer in range(config.layers):
        for name, (inputs, outputs) in linears.items():
            matrices[f"{layer}.{name}.down"] = drawn(SIZE.rank, inputs)
            matrices[f"{layer}.{name}.up"] = drawn(outputs, SIZE.rank)
    embedding = torch.randn((SIZE.masks, config.width), generator=generator)
    return AdapterWeights(SIZE, BASE, torch.arange(drafts), embedding, matrices, {})


def write_adapter(
    path: Path, weights: AdapterWeights, changed: dict[str, Tensor] | None = None, **fields: str
) -> Path:
    """The adapter as a file; `changed` replaces tensors by name, `fields` metadata."""
    tensors = {"draft_ids": weights.draft_ids.int(), "mask_embedding": weights.mask_embedding}
    for name, matrix in weights.matrices.items():
        tensors |= {f"{name}.steps": matrix.steps, f"{name}.scale": matrix.scale}
    metadata = {
        "format": FORMAT,
        "base_sha256": weights.base_sha256,
        "recipe": json.dumps(asdict(weights.size)),
        "figures": "{}",
    }
    save_file(tensors | (changed or {}), path, metadata | fields)
    return path
