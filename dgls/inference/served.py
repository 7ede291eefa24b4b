"""Tokenizer and sizes of a model whose weights are on a server.

They are read offline, from the same folder or Hugging Face cache as a local model; the weights need
not be there (`hf download NAME config.json tokenizer.json`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgls.canvas.chat import ChatBudget
from dgls.canvas.types import Layout
from dgls.checkpoint.codec import HfCodec
from dgls.checkpoint.files import CONFIG_FILE, TOKENIZER_FILE
from dgls.checkpoint.metadata import Metadata, read_metadata
from dgls.checkpoint.registry import find, name_of
from dgls.errors import CheckpointError
from dgls.inference.model import layout_of


@dataclass(frozen=True, slots=True)
class ServedShape:
    """The served model's tokenizer, layout and metadata; `vocabulary` and `canvas` in tokens."""

    codec: HfCodec
    layout: Layout
    metadata: Metadata
    vocabulary: int
    canvas: int


def read_served(name: str, window: int | None) -> ServedShape:
    """The shape of a model by its name (`dgls.checkpoint.registry`).

    `window` is the server's limit in tokens, None if unknown. Raises `ModelNotFoundError`, or
    `CheckpointError` for a folder that does not hold a DiffusionGemma.
    """
    folder = find(name)
    vocabulary, canvas = _read_config(folder / CONFIG_FILE)
    codec = HfCodec.from_file(folder / TOKENIZER_FILE)
    metadata = read_metadata(folder) or Metadata(
        name=name_of(folder), family="chat", window=ChatBudget().window
    )
    if window is not None:
        metadata = replace(metadata, window=min(metadata.window, window))
    return ServedShape(codec, layout_of(codec, metadata), metadata, vocabulary, canvas)


_CANVAS = 256
"""The published checkpoint's canvas in tokens, which is also vLLM's default."""


def _read_config(path: Path) -> tuple[int, int]:
    """Vocabulary and canvas in tokens; a quantised model's configuration works as well."""
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        kind, text = config["model_type"], config["text_config"]
        sizes = int(text["vocab_size"]), int(config.get("canvas_length", _CANVAS))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} does not describe a DiffusionGemma ({error!r}); nothing was sent. "
            f"Get it again: hf download NAME {CONFIG_FILE} {TOKENIZER_FILE}"
        ) from error
    if kind != _KIND:
        raise CheckpointError(
            f"{path} describes a model of type {kind}, not a DiffusionGemma; nothing was "
            "sent. Correct 'model.name'."
        )
    return sizes


_KIND = "diffusion_gemma"
