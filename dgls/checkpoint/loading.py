"""Loads a checkpoint folder: offline, safetensors only, without code from the folder or vision."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import DiffusionGemmaConfig

from dgls.canvas.chat import ChatBudget
from dgls.checkpoint.assembly import assemble
from dgls.checkpoint.checkpoint_config import read_config
from dgls.checkpoint.checks import check_weight
from dgls.checkpoint.codec import HfCodec
from dgls.checkpoint.files import TOKENIZER_FILE, WEIGHTS_FILE, shard_files
from dgls.checkpoint.footprint import footprints
from dgls.checkpoint.metadata import Metadata, read_metadata
from dgls.checkpoint.quantized_cache import keeping, kept_folder, read_kept
from dgls.checkpoint.registry import name_of
from dgls.checkpoint.scheme import Held, Scheme, hold
from dgls.checkpoint.shards import decoder_name, read_weights
from dgls.errors import CheckpointError
from dgls.network.architecture import TextDiffusionGemma
from dgls.network.quantization import widen
from dgls.protocol import OnProgress

log = logging.getLogger(__name__)


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
    progress: OnProgress = lambda share, what: None,
    scheme: Scheme = Scheme.NONE,
) -> Checkpoint:
    """Load a folder written by `save_checkpoint` or in the published format.

    Weights are read one by one, each onto `device` and quantised there, so that memory holds at
    most one beside the result. Quantised ones are kept on disk for the next time. Raises
    `CheckpointError` for a folder that is not a DiffusionGemma, is partial, or has weights of
    another shape or kind; nothing stays loaded then.
    """
    progress(0.0, "reading the configuration")
    config = read_config(folder)
    codec = HfCodec.from_file(folder / TOKENIZER_FILE)
    metadata = read_metadata(folder) or _published(folder, config)
    vocabulary = config.get_text_config().vocab_size
    if codec.size > vocabulary:
        raise CheckpointError(
            f"The tokenizer in {folder} has {codec.size} tokens, and the model has "
            f"{vocabulary}; they do not belong together. Nothing was loaded."
        )
    shard_files(folder)
    source = _Source(folder, torch.device(device), dtype, scheme, progress)
    if scheme is not Scheme.NONE:
        model = _quantized(config, source)
    elif metadata.bits == 8:
        model = assemble(config, source.widened(), device)
    else:
        model = assemble(config, source.fresh(), device)
    progress(1.0, "ready")
    return Checkpoint(model, codec, metadata)


@dataclass(frozen=True, slots=True)
class _Source:
    """A folder's weights in their final precision, on their device."""

    folder: Path
    device: torch.device
    dtype: torch.dtype
    scheme: Scheme
    progress: OnProgress

    def fresh(self) -> Iterator[tuple[str, Held]]:
        """The checkpoint's own weights, quantised if the scheme says so."""
        what = "loading the weights" if self.scheme is Scheme.NONE else "quantising the weights"
        for read in read_weights(self.folder, self.device):
            check_weight(read.name, read.weight, self.folder)
            yield read.name, hold(read.name, read.weight, self.scheme, self.dtype)
            self.progress(_READ + (1 - _READ) * read.share, what)

    def kept(self, place: Path) -> Iterator[tuple[str, Held]]:
        """The weights that an earlier start quantised."""
        for name, weight, share in read_kept(place, self.device):
            self.progress(_READ + (1 - _READ) * share, "loading the weights")
            yield name, weight

    def widened(self) -> Iterator[tuple[str, Held]]:
        """The dequantised weights of a folder that dgls stored in 8 bits."""
        self.progress(_READ, "loading the weights")
        path = self.folder / WEIGHTS_FILE
        try:
            stored = widen(load_file(path))
        except (OSError, RuntimeError, ValueError, SafetensorError) as error:
            raise CheckpointError(
                f"The weights in {path} cannot be loaded ({error}). Get the checkpoint again."
            ) from error
        for name, weight in stored.items():
            check_weight(name, weight, self.folder)
            yield decoder_name(name), weight.to(self.device, self.dtype)


def _quantized(config: DiffusionGemmaConfig, source: _Source) -> TextDiffusionGemma:
    """The model from kept weights; if they are missing or broken, from the checkpoint."""
    place = kept_folder(source.folder, source.scheme, source.dtype)
    if place.is_dir():
        try:
            return assemble(config, source.kept(place), source.device, quantized=True)
        except (OSError, SafetensorError, CheckpointError) as error:
            log.warning("the quantised weights in %s are computed again: %s", place, error)
            shutil.rmtree(place, ignore_errors=True)
    expected = footprints(config)[source.scheme].total
    weights = keeping(source.fresh(), place, expected)
    return assemble(config, weights, source.device, quantized=True)


def _published(folder: Path, config: DiffusionGemmaConfig) -> Metadata:
    """The metadata of a checkpoint that dgls did not write: it was trained to chat."""
    window = min(config.get_text_config().max_position_embeddings, ChatBudget().window)
    return Metadata(name=name_of(folder), family="chat", window=window, bits=16)


_READ = 0.02
"""The share of loading time for configuration and tokenizer."""
