"""Where a Qwen2's weights come from: a GGUF file or a Hugging Face folder, read alike."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor

from dgls.checkpoint.gguf_file import GgufFile
from dgls.errors import CheckpointError
from dgls.network.qwen2 import Qwen2Config


class Qwen2Source(Protocol):
    """Weights by the names that GGUF gives them."""

    @property
    def config(self) -> Qwen2Config:
        """The model's sizes."""

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32. Raises `CheckpointError` where there is none."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer that comes with the weights."""


def open_source(path: Path) -> Qwen2Source:
    """The weights of a `.gguf` file or of a Hugging Face folder. Raises `CheckpointError`."""
    return HuggingFaceFolder(path) if path.is_dir() else GgufFile(path)


def source_hash(path: Path) -> str:
    """Tells one set of weights from another: the SHA-256 of the file or of the folder's files."""
    digest = hashlib.sha256()
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


class HuggingFaceFolder:
    """A Qwen2 as transformers saves it: `config.json`, `tokenizer.json`, safetensors."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self.config = _config(folder / "config.json")
        self._files: dict[str, Path] = {}
        for file in sorted(folder.glob("*.safetensors")):
            try:
                with safe_open(file, framework="pt") as opened:
                    self._files |= dict.fromkeys(opened.keys(), file)
            except (OSError, SafetensorError) as error:
                raise CheckpointError(
                    f"{file} is not a whole safetensors file ({error}); nothing was loaded. "
                    f"Get it again."
                ) from error

    def has(self, name: str) -> bool:
        """Whether there is a tensor of that name."""
        return hugging_face_name(name) in self._files

    def tensor(self, name: str) -> Tensor:
        """A tensor in fp32."""
        theirs = hugging_face_name(name)
        if theirs not in self._files:
            raise CheckpointError(
                f"{self.path} has no weight {theirs}; nothing was loaded. Get the model again."
            )
        with safe_open(self._files[theirs], framework="pt") as opened:
            found: Tensor = opened.get_tensor(theirs)
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
            raise CheckpointError(f"{path} is not a tokenizer ({error}).") from error


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
    """What transformers calls the tensor that GGUF calls `name`."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{_INNER[part]}.{kind}"


def _config(path: Path) -> Qwen2Config:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if fields.get("model_type") != "qwen2":
            raise CheckpointError(
                f"{path} describes a model of type {fields.get('model_type')!r}, not a qwen2; "
                f"nothing was loaded."
            )
        rope = fields.get("rope_parameters") or {}
        return Qwen2Config(
            layers=int(fields["num_hidden_layers"]),
            width=int(fields["hidden_size"]),
            heads=int(fields["num_attention_heads"]),
            kv_heads=int(fields["num_key_value_heads"]),
            feed_forward=int(fields["intermediate_size"]),
            vocabulary=int(fields["vocab_size"]),
            rope_base=float(fields.get("rope_theta") or rope["rope_theta"]),
            epsilon=float(fields["rms_norm_eps"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} does not describe a qwen2 ({error!r}); nothing was loaded. Get it again."
        ) from error
