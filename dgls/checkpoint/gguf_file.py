"""Reads a Qwen2 from a GGUF file: sizes, weights and tokenizer.

The format is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, ReaderTensor, dequantize
from tokenizers import Tokenizer
from torch import Tensor

from dgls.checkpoint.byte_bpe import byte_bpe
from dgls.checkpoint.qwen2.fields import read_fields
from dgls.errors import CheckpointError
from dgls.network.qwen2 import Qwen2Config

ARCHITECTURE = "qwen2"
_EMBEDDING = "token_embd.weight"
NAMES = {
    "layers": f"{ARCHITECTURE}.block_count",
    "width": f"{ARCHITECTURE}.embedding_length",
    "heads": f"{ARCHITECTURE}.attention.head_count",
    "kv_heads": f"{ARCHITECTURE}.attention.head_count_kv",
    "feed_forward": f"{ARCHITECTURE}.feed_forward_length",
    "vocabulary": _EMBEDDING,
    "rope_base": f"{ARCHITECTURE}.rope.freq_base",
    "epsilon": f"{ARCHITECTURE}.attention.layer_norm_rms_epsilon",
}
"""The file's names for the fields of `Qwen2Config`; the embedding has a row for each token."""


class GgufFile:
    """An open GGUF file of a Qwen2. Raises `CheckpointError` for any other file."""

    names = NAMES

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._reader = GGUFReader(path)
        except (OSError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
            raise CheckpointError(
                f"{path} is not a whole GGUF file ({error}); nothing was loaded. Get it again."
            ) from error
        found = self._field("general.architecture")
        if found != ARCHITECTURE:
            raise CheckpointError(
                f"{path} holds a model of the architecture {found!r}, and dgls reads only "
                f"{ARCHITECTURE}; nothing was loaded."
            )
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    @property
    def config(self) -> Qwen2Config:
        """The model's sizes."""
        rows = len(self._tensor(_EMBEDDING).data)

        def value_of(name: str) -> object:
            return rows if name == _EMBEDDING else self._field(name)

        return read_fields(value_of, self.names, self.path)

    def has(self, name: str) -> bool:
        """Whether the file has a tensor of that name."""
        return name in self._tensors

    def name_of(self, name: str) -> str:
        """The file's name of a tensor, which is the same."""
        return name

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32, with its rows in the file's order."""
        found = self._tensor(name)
        # Some rows at a time, because numpy copies what it dequantises several times.
        values = torch.empty([int(size) for size in reversed(found.shape)])
        try:
            for start in range(0, len(values), _ROWS):
                rows = dequantize(found.data[start : start + _ROWS], found.tensor_type)
                values[start : start + _ROWS] = torch.from_numpy(np.array(rows, dtype=np.float32))
        except (NotImplementedError, ValueError) as error:
            raise CheckpointError(
                f"{self.path} holds {name} as {found.tensor_type.name}, which dgls cannot read "
                f"({error}); nothing was loaded. Take a file in Q4_K_M or Q8_0."
            ) from error
        return values

    def tokenizer(self) -> Tokenizer:
        """The byte-level BPE tokenizer in the file."""
        tokens = list(self._strings("tokenizer.ggml.tokens"))
        merges = list(self._strings("tokenizer.ggml.merges"))
        kinds = self._reader.fields.get("tokenizer.ggml.token_type")
        if kinds is None or len(kinds.data) != len(tokens):
            raise CheckpointError(
                f"{self.path} does not say which tokens are text; nothing was loaded. Get it again."
            )
        special = [
            token
            for token, index in zip(tokens, kinds.data, strict=True)
            if int(kinds.parts[index][0]) != _NORMAL
        ]
        try:
            return byte_bpe(tokens, merges, special)
        except Exception as error:
            raise CheckpointError(
                f"{self.path} holds a tokenizer that cannot be read ({error}); nothing was loaded."
            ) from error

    def _tensor(self, name: str) -> ReaderTensor:
        try:
            return self._tensors[name]
        except KeyError as error:
            raise CheckpointError(
                f"{self.path} has no tensor {name}; nothing was loaded. Get it again."
            ) from error

    def _field(self, name: str) -> Any:
        field = self._reader.fields.get(name)
        if field is None:
            raise CheckpointError(
                f"{self.path} does not say {name!r}; nothing was loaded. Get it again."
            )
        return field.contents()

    def _strings(self, name: str) -> Iterator[str]:
        field = self._reader.fields.get(name)
        if field is None:
            raise CheckpointError(f"{self.path} has no tokenizer ({name}); nothing was loaded.")
        for index in field.data:
            yield bytes(field.parts[index]).decode("utf-8")


_ROWS = 8192

_NORMAL = 1
"""The format's type number for tokens of ordinary text."""
