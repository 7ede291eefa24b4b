"""Sources of a Qwen2's weights: a GGUF file or a Hugging Face folder, with one interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor

from dgls.checkpoint.checks import shown
from dgls.checkpoint.files import shard_files
from dgls.checkpoint.gguf_file import GgufFile
from dgls.checkpoint.qwen2.fields import read_fields, refuse
from dgls.errors import CheckpointError
from dgls.network.qwen2 import Qwen2Config

NAMES = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "feed_forward": "intermediate_size",
    "vocabulary": "vocab_size",
    "rope_base": "rope_theta",
    "epsilon": "rms_norm_eps",
}
"""The names in `config.json` for the fields of `Qwen2Config`."""


class Qwen2Source(Protocol):
    """Weights by their names in GGUF."""

    @property
    def names(self) -> Mapping[str, str]:
        """The file's names for the fields of `Qwen2Config`."""

    @property
    def config(self) -> Qwen2Config:
        """The model's sizes."""

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""

    def name_of(self, name: str) -> str:
        """The file's name of the tensor that GGUF calls `name`."""

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32. Raises `CheckpointError` if there is none."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that comes with the weights."""


def open_source(path: Path) -> Qwen2Source:
    """The weights of a `.gguf` file or of a Hugging Face folder. Raises `CheckpointError`."""
    return HuggingFaceFolder(path) if path.is_dir() else GgufFile(path)


class HuggingFaceFolder:
    """A Qwen2 as transformers saves it: `config.json`, `tokenizer.json`, safetensors."""

    names = NAMES

    def __init__(self, folder: Path) -> None:
        self.path = folder
        fields = _fields(folder / "config.json")
        self.config = _config(fields, folder / "config.json")
        self._is_tied = fields.get("tie_word_embeddings") is True
        self._files: dict[str, Path] = {}
        for file in shard_files(folder):
            try:
                with safe_open(file, framework="pt") as opened:
                    self._files |= dict.fromkeys(opened.keys(), file)
            except (OSError, SafetensorError) as error:
                raise CheckpointError(
                    f"{file} is not a whole safetensors file ({error}); nothing was loaded. "
                    f"Get it again."
                ) from error

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name; a separate head only if it is not shared."""
        if name == "output.weight":
            return not self._is_tied
        return self.name_of(name) in self._files

    def name_of(self, name: str) -> str:
        """The tensor's name in transformers."""
        return hugging_face_name(name)

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32."""
        theirs = hugging_face_name(name)
        if theirs not in self._files:
            raise CheckpointError(
                f"{self.path} has no weight {theirs}; nothing was loaded. Get the model again."
            )
        with safe_open(self._files[theirs], framework="pt") as opened:
            found: Tensor = opened.get_tensor(theirs)
        if found.dtype not in _DTYPES:
            refuse(self.path, f"{theirs} is stored as {found.dtype}, not as floating-point numbers")
        return found.to(torch.float32)

    def tokenizer(self) -> Tokenizer:
        """The tokenizer of `tokenizer.json`."""
        path = self.path / "tokenizer.json"
        if not path.is_file():
            raise CheckpointError(
                f"{path} does not exist, so the model cannot read text; nothing was loaded. "
                f"Get the model's tokenizer.json."
            )
        try:
            return Tokenizer.from_file(str(path))
        except Exception as error:  # The library raises bare exceptions for every broken file.
            raise CheckpointError(
                f"{path} is not a tokenizer ({error}); nothing was loaded. Get it again."
            ) from error


_DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

_OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hugging_face_name(name: str) -> str:
    """The name in transformers of the tensor that GGUF calls `name`."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_INNER[part]}.{kind}"


def _fields(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is not JSON ({type(error).__name__}); nothing was loaded. Get it again."
        ) from error
    if not isinstance(fields, dict):
        refuse(path, "it holds no fields")
    if fields.get("model_type") != "qwen2":
        raise CheckpointError(
            f"{path} describes a model of type {shown(fields.get('model_type'))}, not a qwen2; "
            f"nothing was loaded."
        )
    return fields


def _config(fields: dict[str, Any], path: Path) -> Qwen2Config:
    rope = fields.get("rope_parameters") or {}
    if not isinstance(rope, dict):
        refuse(path, f"'rope_parameters' must be an object, not {shown(rope)}")
    fields = {**fields, "rope_theta": fields.get("rope_theta", rope.get("rope_theta"))}
    config = read_fields(fields.get, NAMES, path)
    scaling = fields.get("rope_scaling") or {}
    wanted = {"hidden_act": "silu", "head_dim": config.head_width}
    for name, value in wanted.items():
        if fields.get(name, value) not in (value, None):
            refuse(path, f"'{name}' must be {value!r}, not {shown(fields[name])}")
    for name, what in (("rope_parameters", rope), ("rope_scaling", scaling)):
        kind = what.get("rope_type", what.get("type")) if isinstance(what, dict) else what
        if kind not in (None, "default"):
            refuse(path, f"'{name}' must be of the type 'default', not {shown(kind)}")
    return config
