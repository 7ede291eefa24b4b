"""Builds a Qwen2 network: dense from its source, or in int8 from a converted file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from dgls.checkpoint.qwen2.checks import CONVERSION_BYTES, INT8_BYTES, check_memory
from dgls.checkpoint.qwen2.source import Qwen2Source
from dgls.errors import CheckpointError
from dgls.network.linear import DenseLinear, Int8Linear, Linear, quantized
from dgls.network.qwen2 import Embedding, Qwen2Config, Qwen2Layer, Qwen2Network
from dgls.protocol import OnProgress

FORMAT = "2"
"""The version of the int8 file; files of other versions are converted again."""

LINEARS = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}
"""The network's linear layers, and the file's layers that are joined in each."""


def dense_network(
    source: Qwen2Source, device: torch.device, dtype: torch.dtype, progress: OnProgress
) -> Qwen2Network:
    """The network in floating point, with each weight read once.

    Raises `CheckpointError` for invalid weights, `ModelMemoryError` if memory does not suffice.
    """
    config = source.config
    check_memory(config, dtype.itemsize, device)

    def put(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype)

    def linear(layer: int, name: str) -> Linear:
        weight, bias = _joined(source, layer, LINEARS[name])
        return DenseLinear(put(weight), None if bias is None else put(bias))

    layers = []
    for index in range(config.layers):
        layers.append(_layer(index, linear, lambda name: put(source.tensor(name))))
        progress((index + 1) / config.layers, "loading the model")
    table = put(source.tensor("token_embd.weight"))
    tied = not source.has("output.weight")
    head = DenseLinear(table if tied else put(source.tensor("output.weight")))
    norm = put(source.tensor("output_norm.weight"))
    return Qwen2Network(config, Embedding(table, None, dtype), tuple(layers), norm, head)


def convert(source: Qwen2Source, origin: str, path: Path, progress: OnProgress) -> None:
    """Write the weights in int8 atomically, with the tokenizer and the hash of their `origin`.

    Files of killed conversions are deleted. Raises `CheckpointError` for invalid weights,
    `ModelMemoryError` if memory does not suffice, and `OSError` if `path` cannot be written;
    nothing is left there then.
    """
    config = source.config
    check_memory(config, CONVERSION_BYTES, torch.device("cpu"))
    tokenizer = source.tokenizer().to_str()
    tensors: dict[str, Tensor] = {}
    for index in range(config.layers):
        for name, parts in LINEARS.items():
            weight, bias = _joined(source, index, parts)
            tensors |= _stored(f"{index}.{name}", weight)
            if bias is not None:
                tensors[f"{index}.{name}.bias"] = bias
        for norm in ("attn_norm", "ffn_norm"):
            tensors[f"{index}.{norm}"] = source.tensor(f"blk.{index}.{norm}.weight")
        progress(0.8 * (index + 1) / config.layers, "converting the model to int8, once")
    tensors |= _stored("embedding", source.tensor("token_embd.weight"))
    if source.has("output.weight"):
        tensors |= _stored("head", source.tensor("output.weight"))
    tensors["norm"] = source.tensor("output_norm.weight")
    metadata = {
        "format": FORMAT,
        "origin": origin,
        "config": json.dumps(dataclasses.asdict(config)),
        "tokenizer": tokenizer,
    }
    _write(tensors, metadata, path)


def _write(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    """Write a file atomically. Raises `OSError` on failure; nothing is left there then."""
    _delete_abandoned(path)
    partial = path.with_suffix(f".{os.getpid()}{_PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata)
        partial.replace(path)
    except SafetensorError as error:
        raise OSError(str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


_PARTIAL = ".partial"
_ABANDONED_S = 3600.0


def _delete_abandoned(path: Path) -> None:
    """Delete files of conversions to `path` that were not written to for an hour."""
    for old in path.parent.glob(f"{path.stem}.*{_PARTIAL}"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > _ABANDONED_S:
                old.unlink()


@dataclass(frozen=True, slots=True)
class Opened:
    """A network with its tokenizer; `origin` is the hash of its original weights."""

    network: Qwen2Network
    tokenizer: Tokenizer
    origin: str


def open_int8(path: Path, progress: OnProgress) -> Opened:
    """Load a file of `convert`. Raises `CheckpointError` for any other file, `ModelMemoryError`.

    The products' weights are packed for the processor. The embedding stays a view of the file,
    whose memory the system can reclaim.
    """
    try:
        file: Any = safe_open(path, framework="pt")
        metadata: dict[str, Any] = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"Another version of dgls wrote {path}; nothing was loaded.")
        config = Qwen2Config(**json.loads(metadata["config"]))
        check_memory(config, INT8_BYTES, torch.device("cpu"))
        # The table stays a view of its own mapping; that of the other weights is freed with `file`.
        table = safe_open(path, framework="pt")
        network = _int8_network(file, table, config, progress)
        tokenizer = Tokenizer.from_str(metadata["tokenizer"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not a complete int8 file of dgls ({error}); nothing was loaded. "
            "Delete it, and dgls will write it again."
        ) from error
    return Opened(network, tokenizer, metadata["origin"])


def _int8_network(file: Any, table: Any, config: Qwen2Config, progress: OnProgress) -> Qwen2Network:
    names = set(file.keys())

    def stored(name: str) -> Tensor:
        found: Tensor = file.get_tensor(name)
        return found

    def linear(name: str) -> Int8Linear:
        bias = stored(f"{name}.bias").clone() if f"{name}.bias" in names else None
        return Int8Linear(stored(name), stored(f"{name}.scales"), bias)

    def layer(index: int) -> Qwen2Layer:
        return Qwen2Layer(
            attention_norm=stored(f"{index}.attn_norm").clone(),
            qkv=linear(f"{index}.qkv"),
            out=linear(f"{index}.out"),
            feed_forward_norm=stored(f"{index}.ffn_norm").clone(),
            gate_up=linear(f"{index}.gate_up"),
            down=linear(f"{index}.down"),
        )

    # Packing releases Python's lock, and takes most of the start.
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        whole = pool.submit(linear, "head" if "head" in names else "embedding")
        layers = []
        for packed in pool.map(layer, range(config.layers)):
            layers.append(packed)
            progress(0.8 * len(layers) / config.layers, "loading the model")
        head = whole.result()
    embedding = Embedding(
        _touched(table.get_tensor("embedding")), stored("embedding.scales").clone(), torch.float32
    )
    return Qwen2Network(config, embedding, tuple(layers), stored("norm").clone(), head)


def _touched(view: Tensor) -> Tensor:
    """The view, with a byte of each page read, so that every page is in memory already."""
    view.flatten()[::_PAGE].sum()
    return view


def _layer(
    index: int, linear: Callable[[int, str], Linear], tensor: Callable[[str], Tensor]
) -> Qwen2Layer:
    return Qwen2Layer(
        attention_norm=tensor(f"blk.{index}.attn_norm.weight"),
        qkv=linear(index, "qkv"),
        out=linear(index, "out"),
        feed_forward_norm=tensor(f"blk.{index}.ffn_norm.weight"),
        gate_up=linear(index, "gate_up"),
        down=linear(index, "down"),
    )


def _joined(
    source: Qwen2Source, layer: int, parts: tuple[str, ...]
) -> tuple[Tensor, Tensor | None]:
    """The joined weights of layers with the same input, one below the other, and their biases."""
    names = [f"blk.{layer}.{part}" for part in parts]
    weight = torch.cat([source.tensor(f"{name}.weight") for name in names])
    if not source.has(f"{names[0]}.bias"):
        return weight, None
    return weight, torch.cat([source.tensor(f"{name}.bias") for name in names])


def _stored(name: str, weight: Tensor) -> dict[str, Tensor]:
    # Some rows at a time, because each copy of a table of 100,000 rows takes half a GB.
    parts = [quantized(rows) for rows in torch.split(weight, _ROWS)]
    whole, scales = (torch.cat(each) for each in zip(*parts, strict=True))
    return {name: whole, f"{name}.scales": scales}


_ROWS = 8192
_PAGE = 4096
