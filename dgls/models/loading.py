"""Loads a checkpoint folder: offline, safetensors only, no code from the folder, no vision."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import DiffusionGemmaConfig
from transformers.utils import logging

from dgls.canvas.chat import ChatBudget
from dgls.errors import CheckpointError
from dgls.models.architecture import TextDiffusionGemma, choose_implementations
from dgls.models.codec import HfCodec
from dgls.models.metadata import Metadata, read_metadata
from dgls.models.quantization import widen
from dgls.models.registry import name_of
from dgls.models.storage import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE

Progress = Callable[[float, str], None]

# What the library says of its own types changes from release to release.
_library_logging: Any = logging
_from_pretrained: Any = TextDiffusionGemma.from_pretrained


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model, in eval mode on its device, with its tokenizer and metadata."""

    model: TextDiffusionGemma
    codec: HfCodec
    metadata: Metadata


def load_checkpoint(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: Progress = lambda share, what: None,
) -> Checkpoint:
    """Load a folder written by `save_checkpoint` or in the published format.

    Raises `CheckpointError` for a folder that is not a DiffusionGemma, is partial, or holds
    weights of another shape or kind; nothing is left loaded then.
    """
    progress(0.0, "reading the configuration")
    config = _read_config(folder)
    codec = HfCodec.from_file(folder / TOKENIZER_FILE)
    metadata = read_metadata(folder) or _published(folder, config)
    vocabulary = config.get_text_config().vocab_size
    if codec.size > vocabulary:
        raise CheckpointError(
            f"The tokenizer in {folder} has {codec.size} tokens, but the model {vocabulary}; "
            f"they do not belong together. Nothing was loaded."
        )
    progress(0.1, "loading the weights")
    choose_implementations(config)
    model = _load_weights(folder, config, metadata.bits, dtype)
    cast(nn.Module, model).eval().to(device)
    progress(1.0, "ready")
    return Checkpoint(model, codec, metadata)


def _read_config(folder: Path) -> DiffusionGemmaConfig:
    path = folder / CONFIG_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{folder} is not a checkpoint: {CONFIG_FILE} cannot be read ({error})."
        ) from error
    kind = fields.get("model_type") if isinstance(fields, dict) else None
    if kind != DiffusionGemmaConfig.model_type:
        raise CheckpointError(
            f"{folder} holds a model of type {kind}, not a DiffusionGemma; nothing was loaded."
        )
    if "quantization_config" in fields:
        raise CheckpointError(
            f"{folder} was quantised by another tool, whose weights dgls cannot run; nothing was "
            f"loaded. Take the bf16 checkpoint, or serve this one with vLLM."
        )
    try:
        return DiffusionGemmaConfig(**fields)
    # The library's strict configuration classes raise types of their own for a bad field.
    except Exception as error:
        raise CheckpointError(f"{path} is not valid ({error}); nothing was loaded.") from error


def _published(folder: Path, config: DiffusionGemmaConfig) -> Metadata:
    """What is known of a checkpoint that dgls did not write: it was trained to chat."""
    window = min(config.get_text_config().max_position_embeddings, ChatBudget().window)
    return Metadata(name=name_of(folder), family="chat", window=window, bits=16)


def _load_weights(
    folder: Path, config: DiffusionGemmaConfig, bits: int, dtype: torch.dtype
) -> TextDiffusionGemma:
    if not any(folder.glob("*.safetensors")):
        raise CheckpointError(
            f"{folder} holds no safetensors weights (pickled ones are never loaded); "
            f"nothing was loaded. Get the checkpoint again."
        )
    arguments: dict[str, Any] = {"config": config, "dtype": dtype, "output_loading_info": True}
    try:
        if bits == 8:
            arguments |= {"state_dict": widen(load_file(folder / WEIGHTS_FILE))}
        else:
            arguments |= {"local_files_only": True, "use_safetensors": True}
        with _quiet_library():
            model, found = _from_pretrained(None if bits == 8 else str(folder), **arguments)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(
            f"The weights in {folder} cannot be loaded ({error}). Get the checkpoint again."
        ) from error
    _check_complete(folder, found["missing_keys"], found["unexpected_keys"])
    assert isinstance(model, TextDiffusionGemma)
    return model


def _check_complete(folder: Path, missing: set[str], unexpected: set[str]) -> None:
    """Raise `CheckpointError` where weights are missing or belong to no part of the model."""
    for names, problem in ((missing, "are missing"), (unexpected, "belong to another model")):
        if names:
            raise CheckpointError(
                f"{len(names)} weights in {folder} {problem} (the first is {min(names)}); "
                f"nothing was loaded. Get the checkpoint again."
            )


@contextlib.contextmanager
def _quiet_library() -> Iterator[None]:
    """Keep the library's progress bar and load report off the terminal: errors say what they do."""
    verbosity = _library_logging.get_verbosity()
    bars = _library_logging.is_progress_bar_enabled()
    _library_logging.set_verbosity(_library_logging.CRITICAL)
    _library_logging.disable_progress_bar()
    try:
        yield
    finally:
        _library_logging.set_verbosity(verbosity)
        if bars:
            _library_logging.enable_progress_bar()
