"""A LoRA's file, and a base's weights with the LoRA merged into them.

Matrices are stored in 8 bits with a scale per row. Metadata: `format`, `base_sha256` (the published
file's), `rank`, `alpha`, and `recipe` and `figures` as JSON.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from dgls.checkpoint.checks import is_count, is_positive, shown
from dgls.checkpoint.named import Named
from dgls.checkpoint.qwen2.build import LINEARS
from dgls.checkpoint.qwen2.checks import CheckedSource, shape_of
from dgls.checkpoint.qwen2.source import Qwen2Source, open_source
from dgls.checkpoint.trained_file import Int8Matrix, TrainedFile
from dgls.errors import LoraError
from dgls.network.linear import quantized
from dgls.network.qwen2 import Qwen2Config

FORMAT = "dgls-lora-1"
PARTS = tuple(part for parts in LINEARS.values() for part in parts)
"""The linear maps of a layer, by their names in GGUF."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lora:
    """Low-rank terms of linear layers (Hu et al. 2021, arXiv:2106.09685).

    `matrices` are by name: `blk.{layer}.{part}.down` [rank, in] and `.up` [out, rank]. A weight
    becomes `weight + alpha / rank * up @ down`. `sha256` is that of the file, `base_sha256` the
    identity of the base.
    """

    path: Path
    sha256: str
    base_sha256: str
    rank: int
    alpha: float
    matrices: Mapping[str, Int8Matrix]

    def term(self, name: str) -> Tensor:
        """The term added to the weight of a linear layer, [out, in] in fp32."""
        down, up = (self.matrices[f"{name}.{side}"].dense() for side in ("down", "up"))
        return self.alpha / self.rank * (up @ down)


@dataclass(frozen=True, slots=True)
class MergedSource:
    """A source whose linear layers have a LoRA's terms added (`Qwen2Source`)."""

    source: Qwen2Source
    lora: Lora

    def __post_init__(self) -> None:
        """Raise `LoraError` if the LoRA's matrices do not fit the source's sizes."""
        for fault in _misfits(self.lora, self.source.config):
            raise _refused(self.lora.path, fault)

    @property
    def names(self) -> Mapping[str, str]:
        """The file's names for the fields of `Qwen2Config`."""
        return self.source.names

    @property
    def config(self) -> Qwen2Config:
        """The model's sizes."""
        return self.source.config

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""
        return self.source.has(name)

    def name_of(self, name: str) -> str:
        """The file's name of the tensor that GGUF calls `name`."""
        return self.source.name_of(name)

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32."""
        found, layer = self.source.tensor(name), name.removesuffix(".weight")
        if layer == name or f"{layer}.down" not in self.lora.matrices:
            return found
        return found + self.lora.term(layer)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that comes with the weights."""
        return self.source.tokenizer()


def weights_of(named: Named) -> Qwen2Source:
    """The checked weights of a model, with its LoRA merged into them.

    Raises `CheckpointError`, and `LoraError` for a LoRA that does not fit them.
    """
    source = CheckedSource(open_source(named.path), named.path)
    return source if named.lora is None else MergedSource(source, named.lora)


def with_lora(named: Named, setting: str) -> Named:
    """The model with its LoRA, by the setting `model.lora`; a refused LoRA is logged as a warning.

    Its identity changes, so files made from the published weights are not used for it.
    """
    path = named.lora_file
    if setting == "off" or path is None or not named.causal:
        return named
    try:
        lora = load_lora(path, named.identity)
    except LoraError as error:
        _log.warning("%s", error)
        return named
    identity = hashlib.sha256(f"{named.identity} {lora.sha256}".encode()).hexdigest()
    return replace(named, identity=identity, lora=lora)


def without_lora(named: Named) -> Named:
    """The model as it was published."""
    if named.lora is None:
        return named
    return replace(named, identity=named.lora.base_sha256, lora=None)


def load_lora(path: Path, base_sha256: str) -> Lora:
    """The LoRA in `path`, for the base with that hash.

    Raises `LoraError` for one that is truncated, of another version, for another base, or has
    non-finite values.
    """
    file = TrainedFile.read(path, FORMAT, _refused)
    if file.metadata.get("base_sha256") != base_sha256:
        raise _refused(path, "it was trained on another base model")
    try:
        # Read again: safetensors maps the file and gives no bytes. A LoRA has some 10 MB.
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rank, alpha = json.loads(file.metadata["rank"]), json.loads(file.metadata["alpha"])
        lora = Lora(path, digest, base_sha256, rank, alpha, file.matrices)
    except (KeyError, ValueError, RecursionError, OSError) as error:
        raise _refused(path, f"something is missing in it ({error})") from error
    for fault in _faults(lora):
        raise _refused(path, fault)
    return lora


def save_lora(
    matrices: Mapping[str, Tensor], path: Path, base_sha256: str, alpha: float, **notes: Any
) -> None:
    """Write a LoRA's `matrices`, named as in `Lora`, with `notes` on its training as JSON."""
    tensors: dict[str, Tensor] = {}
    for name, matrix in matrices.items():
        tensors[f"{name}.steps"], tensors[f"{name}.scale"] = quantized(matrix.detach().cpu())
    rank = next(len(each) for name, each in matrices.items() if name.endswith(".down"))
    metadata = {
        "format": FORMAT,
        "base_sha256": base_sha256,
        "rank": json.dumps(rank),
        "alpha": json.dumps(alpha),
        **{name: json.dumps(value) for name, value in notes.items()},
    }
    save_file(tensors, path, metadata)


def _faults(lora: Lora) -> Iterator[str]:
    """Faults that do not depend on the base."""
    if not is_count(lora.rank):
        yield f"'rank' must be a whole number of 1 or more, not {shown(lora.rank)}"
    if not is_positive(lora.alpha):
        yield f"'alpha' must be a number above 0, not {shown(lora.alpha)}"
    if not lora.matrices:
        yield "it holds no matrices"
    for name, matrix in lora.matrices.items():
        yield from matrix.faults(name)
        if not bool(matrix.scale.isfinite().all()):
            yield f"{name} holds numbers that are not finite"


def _misfits(lora: Lora, config: Qwen2Config) -> Iterator[str]:
    """The matrices that do not fit a base of these sizes."""
    wanted: dict[str, tuple[int, ...]] = {}
    for name in (f"blk.{layer}.{part}" for layer in range(config.layers) for part in PARTS):
        rows, columns = shape_of(f"{name}.weight", config)
        wanted |= {f"{name}.down": (lora.rank, columns), f"{name}.up": (rows, lora.rank)}
    for name in sorted(wanted.keys() ^ lora.matrices.keys()):
        yield f"it has no {name}" if name in wanted else f"the base has no layer for its {name}"
    for name, shape in wanted.items():
        found = tuple(lora.matrices[name].steps.shape)
        if found != shape:
            yield f"{name} has the shape {found}, and the base needs {shape}"


def _refused(path: Path, reason: str) -> LoraError:
    """The error for a LoRA that was not merged."""
    return LoraError(
        f"The LoRA {path} was refused: {reason}. The model runs without it; train one "
        "with `dgls train --recipe lora`, or set model.lora to off."
    )
