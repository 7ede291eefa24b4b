"""Checks of a Qwen2 before it is used: sizes, shapes, values, tokenizer, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from dgls.canvas.fim import ENDS, MIDDLE, PREFIX, SUFFIX
from dgls.checkpoint.checks import check_weight
from dgls.checkpoint.qwen2.fields import refuse
from dgls.checkpoint.qwen2.source import Qwen2Source
from dgls.errors import CheckpointError, ModelMemoryError
from dgls.network.hardware import free_memory
from dgls.network.qwen2 import Qwen2Config

INT8_BYTES = 1.3
"""Bytes per parameter in int8, including scales, unquantised weights and buffers."""

CONVERSION_BYTES = 4.6
"""Bytes per parameter during a conversion to int8, measured on the smallest model."""


@dataclass(frozen=True, slots=True)
class CheckedSource:
    """A source whose weights have the shapes of its sizes, and finite values.

    `config`, `tensor` and `tokenizer` raise `CheckpointError` for anything invalid.
    """

    source: Qwen2Source
    path: Path

    @property
    def names(self) -> Mapping[str, str]:
        """The file's names for the fields of `Qwen2Config`."""
        return self.source.names

    @property
    def config(self) -> Qwen2Config:
        """The model's sizes."""
        config = self.source.config
        last, next_ = (f"blk.{layer}.attn_q.weight" for layer in (config.layers - 1, config.layers))
        if not self.has(last) or self.has(next_):
            refuse(
                self.path,
                f"'{self.names['layers']}' ({config.layers}) is not the number of layers in the "
                "file",
            )
        return config

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""
        return self.source.has(name)

    def name_of(self, name: str) -> str:
        """The file's name of the tensor that GGUF calls `name`."""
        return self.source.name_of(name)

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32."""
        found, wanted = self.source.tensor(name), shape_of(name, self.source.config)
        if tuple(found.shape) != wanted:
            raise CheckpointError(
                f"{self.path} holds {self.name_of(name)} with the shape "
                f"{tuple(found.shape)} where its sizes "
                f"('{self.names[_size_of(name)]}') say {wanted}; nothing was loaded. "
                f"Get it again."
            )
        check_weight(self.name_of(name), found, self.path)
        return found

    def tokenizer(self) -> Tokenizer:
        """The tokenizer, checked for the layout's special tokens and its number of tokens."""
        found, rows = self.source.tokenizer(), self.source.config.vocabulary
        count = int(found.get_vocab_size(with_added_tokens=True))
        # Published tables are padded by a few rows, never by a tenth.
        if not 0.9 * rows <= count <= rows:
            raise CheckpointError(
                f"The tokenizer in {self.path} has {count} tokens, and the model has {rows} "
                f"('{self.names['vocabulary']}'); they do not belong together. Nothing was "
                "loaded."
            )
        if max(found.get_vocab().values()) >= rows:
            refuse(self.path, f"its tokenizer has a token beyond '{self.names['vocabulary']}'")
        if found.pre_tokenizer is None:
            refuse(self.path, "its tokenizer has no 'pre_tokenizer'")
        found.no_truncation()
        for mark in (PREFIX, SUFFIX, MIDDLE, ENDS[0]):
            index = found.token_to_id(mark)
            if index is None or index >= rows:
                raise CheckpointError(
                    f"The tokenizer in {self.path} has no {mark}, so the model cannot fill in the "
                    f"middle; nothing was loaded. Take a model of Qwen2.5-Coder."
                )
        return found


def shape_of(name: str, config: Qwen2Config) -> tuple[int, ...]:
    """The shape of a tensor by its name in GGUF."""
    if name in ("token_embd.weight", "output.weight"):
        return (config.vocabulary, config.width)
    if name == "output_norm.weight":
        return (config.width,)
    part, kind = name.split(".")[-2:]
    if part.endswith("norm"):
        return (config.width,)
    pair = config.kv_heads * config.head_width
    outputs = {"attn_k": pair, "attn_v": pair}
    outputs |= dict.fromkeys(("ffn_gate", "ffn_up"), config.feed_forward)
    inputs = config.feed_forward if part == "ffn_down" else config.width
    rows = outputs.get(part, config.width)
    return (rows,) if kind == "bias" else (rows, inputs)


def parameters(config: Qwen2Config) -> int:
    """The number of weights of a model with a shared embedding and head, without biases."""
    parts = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes = [shape_of(f"blk.0.{part}.weight", config) for part in parts]
    layer = sum(rows * columns for rows, columns in shapes)
    return config.layers * layer + config.vocabulary * config.width


def check_memory(config: Qwen2Config, bytes_each: float, device: torch.device) -> None:
    """Raise `ModelMemoryError` if memory does not suffice; unknown memory counts as enough."""
    needed, free = parameters(config) * bytes_each, free_memory(device)
    if free and free < needed:
        raise ModelMemoryError(
            f"The model needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free on {device}; "
            f"nothing was loaded. Close other programs, or take a smaller model "
            f"(dgls model list)."
        )


def _size_of(name: str) -> str:
    """The field of `Qwen2Config` that tells a tensor's shape from those of other tensors."""
    if name in ("token_embd.weight", "output.weight"):
        return "vocabulary"
    part = name.split(".")[-2]
    if part in ("attn_k", "attn_v"):
        return "kv_heads"
    return "feed_forward" if part in ("ffn_gate", "ffn_up", "ffn_down") else "width"
