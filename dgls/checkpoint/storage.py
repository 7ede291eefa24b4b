"""Writes a checkpoint: weights, config, tokenizer and metadata in one folder.

With 16 or 32 bits the folder has the published format of `google/diffusiongemma-26B-A4B-it` (plain
safetensors with the library's own names); with 8 bits every matrix also has a tensor of row scales
(`dgls.network.quantization`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.checkpoint.files import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE
from dgls.checkpoint.metadata import Metadata, write_metadata
from dgls.errors import CheckpointError
from dgls.network.architecture import config_json
from dgls.network.quantization import narrow


def save_checkpoint(
    model: DiffusionGemmaForBlockDiffusion,
    tokenizer_path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    bits: int = 8,
    metadata: Metadata | None = None,
) -> Path:
    """Write the checkpoint folder and return its path. `bits` is 8, 16 or 32.

    The folder appears complete or, if anything fails, not at all: it is written beside its place
    and moved there, replacing an older one. Raises `CheckpointError` for other `bits`.
    """
    if bits not in (8, 16, 32):
        raise CheckpointError(
            f"Weights can be stored in 8, 16 or 32 bits, not {bits}; nothing was stored."
        )
    target = Path(folder)
    beside = target.with_name(target.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    save_file(narrow(text_state(model), bits), beside / WEIGHTS_FILE, metadata={"format": "pt"})
    (beside / WEIGHTS_FILE).chmod(0o644)
    config = config_json(model.config)
    config["dtype"] = "bfloat16" if bits == 16 else "float32"
    (beside / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(tokenizer_path, beside / TOKENIZER_FILE)
    write_metadata(dataclasses.replace(metadata or Metadata(), bits=bits), beside)
    if target.exists():
        shutil.rmtree(target)
    beside.replace(target)
    return target


def text_state(model: nn.Module) -> dict[str, Tensor]:
    """The weights to store: each tied one once, under the decoder's name, without vision."""
    stored: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size]] = set()
    state = model.state_dict()
    for name in sorted(state, key=lambda name: (".encoder." in name, name == "lm_head.weight")):
        tensor = state[name]
        key = (tensor.data_ptr(), tensor.shape)
        if key not in seen and ".vision_tower." not in name and ".embed_vision." not in name:
            seen.add(key)
            stored[name] = tensor
    return stored
