"""Matrices of 8 bits with a scale a row, and the safetensors files that training writes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dgls.errors import DglsError


@dataclass(frozen=True)
class Int8Matrix:
    """A matrix of `steps` [out, in] in int8 times `scale` [out] in fp32."""

    steps: Tensor
    scale: Tensor

    def dense(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The matrix itself."""
        return (self.steps.float() * self.scale[:, None]).to(dtype)

    def faults(self, name: str) -> Iterator[str]:
        """What is wrong with its shapes and types, in the words of a file where it is `name`."""
        if self.steps.dim() != 2 or self.steps.dtype is not torch.int8:
            yield f"{name}.steps must be a matrix of 8-bit numbers"
        elif self.scale.shape != self.steps.shape[:1] or not self.scale.is_floating_point():
            yield f"{name}.scale must hold a floating-point number for each row of {name}.steps"


@dataclass(frozen=True)
class TrainedFile:
    """The tensors and metadata of a file, all in memory."""

    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]

    @classmethod
    def read(
        cls, path: Path, format_: str, refused: Callable[[Path, str], DglsError]
    ) -> TrainedFile:
        """The file at `path`. Raises what `refused` makes of it where it is not of that format."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise refused(path, f"it is not a whole safetensors file ({error})") from error
        if metadata.get("format") != format_:
            raise refused(path, f"its format is {metadata.get('format')!r}, not {format_!r}")
        return cls(tensors, metadata)

    @property
    def matrices(self) -> Mapping[str, Int8Matrix]:
        """The matrices by name. Raises `KeyError` for one without a scale."""
        names = [n.removesuffix(".steps") for n in self.tensors if n.endswith(".steps")]
        return {
            n: Int8Matrix(self.tensors[f"{n}.steps"], self.tensors[f"{n}.scale"]) for n in names
        }
