"""Reads a base model and its tokenizer from a GGUF file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from torch import Tensor

from dgls.errors import CheckpointError, ModelNotFoundError
from dgls.lab.training.parallel.base import Base, Layer, Shape

REDUCED_FROM = "dgls.reduced_from"
REDUCED_TOKENS = "dgls.reduced_tokens"
"""Metadata of a file with a reduced vocabulary: the original file, and the rows."""


def read_base(path: Path, identity: str = "") -> Base:
    """The model in `path`, in fp32 on the CPU; `identity` is its identity for adapters, if known.

    Raises `ModelNotFoundError` if there is no such file and `CheckpointError` for a file that is
    not a complete GGUF of a Qwen2 network.
    """
    reader = _reader(path)
    shape = _shape(reader, path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def matrix(name: str) -> Tensor:
        if name not in tensors:
            raise CheckpointError(f"{path} has no tensor {name}; nothing was loaded.")
        found = tensors[name]
        return torch.from_numpy(np.array(dequantize(found.data, found.tensor_type)))

    def joined(layer: int, kind: str, *parts: str) -> Tensor:
        return torch.cat([matrix(f"blk.{layer}.{part}.{kind}") for part in parts])

    def layer(index: int) -> Layer:
        qkv = ("attn_q", "attn_k", "attn_v")
        return Layer(
            attention_norm=matrix(f"blk.{index}.attn_norm.weight"),
            qkv=joined(index, "weight", *qkv),
            qkv_bias=joined(index, "bias", *qkv),
            out=matrix(f"blk.{index}.attn_output.weight"),
            ffn_norm=matrix(f"blk.{index}.ffn_norm.weight"),
            gate_up=joined(index, "weight", "ffn_gate", "ffn_up"),
            down=matrix(f"blk.{index}.ffn_down.weight"),
        )

    return Base(
        shape=shape,
        embedding=matrix("token_embd.weight"),
        layers=tuple(layer(index) for index in range(shape.layers)),
        norm=matrix("output_norm.weight"),
        head=matrix("output.weight" if "output.weight" in tensors else "token_embd.weight"),
        sha256=_value(reader, REDUCED_FROM) or identity or file_sha256(path),
        token_ids=torch.tensor(_value(reader, REDUCED_TOKENS) or range(shape.vocabulary)),
    )


def read_tokens(path: Path) -> tuple[list[str], list[str]]:
    """The tokens, in the byte-level alphabet and by id, and the merges of the file's tokenizer."""
    reader = _reader(path)
    return _value(reader, "tokenizer.ggml.tokens"), _value(reader, "tokenizer.ggml.merges")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reader(path: Path) -> GGUFReader:
    if not path.is_file():
        raise ModelNotFoundError(f"There is no file {path}; name a GGUF file as the base.")
    try:
        return GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise CheckpointError(
            f"{path} is not a whole GGUF file ({error}); nothing was loaded. Fetch it again."
        ) from error


def _value(reader: GGUFReader, name: str) -> Any:
    field = reader.get_field(name)
    return field.contents() if field else None


def _shape(reader: GGUFReader, path: Path) -> Shape:
    family = _value(reader, "general.architecture")
    if family != "qwen2":
        raise CheckpointError(
            f"{path} holds a {family} network; the recipes for a base know qwen2 only."
        )

    def number(name: str) -> Any:
        return _value(reader, f"qwen2.{name}")

    heads, hidden = number("attention.head_count"), number("embedding_length")
    vocabulary = next(t for t in reader.tensors if t.name == "token_embd.weight").shape[1]
    return Shape(
        vocabulary=int(vocabulary),
        hidden=hidden,
        layers=number("block_count"),
        heads=heads,
        kv_heads=number("attention.head_count_kv"),
        head_dim=hidden // heads,
        ffn=number("feed_forward_length"),
        rope_base=number("rope.freq_base"),
        eps=number("attention.layer_norm_rms_epsilon"),
    )
