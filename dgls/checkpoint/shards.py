"""Reads a folder's safetensors one weight at a time, under one name for each weight.

The encoder and the decoder share all weights except a factor in each layer, and the output layer is
the embedding, so a checkpoint may have such a weight under several names. Here it has the
decoder's. The vision tower is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dgls.checkpoint.files import shard_files
from dgls.errors import CheckpointError

_DECODER, _ENCODER = "model.decoder.", "model.encoder.language_model."
_EMBEDDING = _DECODER + "embed_tokens.weight"
_OUTPUT = "lm_head.weight"
_VISION = re.compile(r"\.(vision_tower|embed_vision)\.")
_SHARED = re.compile(r"(layers\.\d+\.(?!layer_scalar$)|norm\.|embed_tokens\.)")


@dataclass(frozen=True, slots=True)
class Read:
    """One weight, and the share (0..1) of all bytes read so far."""

    name: str
    weight: Tensor
    share: float


def read_weights(folder: Path, device: torch.device | str = "cpu") -> Iterator[Read]:
    """Every weight of the text model once, each on `device` before the next one is read.

    Raises `CheckpointError` for a file that is truncated or not safetensors.
    """
    files = shard_files(folder)
    sizes = [path.stat().st_size for path in files]
    total, before = max(1, sum(sizes)), 0
    seen: set[str] = set()
    for path, size in zip(files, sizes, strict=True):
        try:
            with safe_open(path, framework="pt", device=str(device)) as file:
                names = list(file.keys())
                for number, name in enumerate(names, 1):
                    known = decoder_name(name)
                    if not _VISION.search(name) and known not in seen:
                        seen.add(known)
                        share = (before + size * number / len(names)) / total
                        yield Read(known, file.get_tensor(name), share)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(
                f"The weights in {path} cannot be loaded ({error}). Get the checkpoint again."
            ) from error
        before += size


def decoder_name(name: str) -> str:
    """The one name of a weight in this package."""
    if name == _OUTPUT:
        return _EMBEDDING
    if name.startswith(_ENCODER) and _SHARED.match(name.removeprefix(_ENCODER)):
        return _DECODER + name.removeprefix(_ENCODER)
    return name


def names_of(name: str) -> tuple[str, ...]:
    """All places in the model that expect the weight of that name."""
    if name == _EMBEDDING:
        return (name, _ENCODER + "embed_tokens.weight", _OUTPUT)
    if name.startswith(_DECODER) and _SHARED.match(name.removeprefix(_DECODER)):
        return (name, _ENCODER + name.removeprefix(_DECODER))
    return (name,)
