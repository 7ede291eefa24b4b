"""The inputs and places of a recipe for a base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer

from dgls.checkpoint.named import Named
from dgls.checkpoint.qwen2.source import open_source
from dgls.errors import TrainingError
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.corpus import Sources
from dgls.lab.training.parallel.gguf_base import read_base


@dataclass(frozen=True)
class Workplace:
    """The inputs and places of a recipe.

    The result becomes `output`. `start` is an adapter of the same base to begin with.
    """

    base: Named
    folder: Path
    output: Path
    sources: Sources
    device: torch.device
    start: Path | None = None


def open_base(place: Workplace, report: Callable[[str], None]) -> tuple[Base, Tokenizer]:
    """The base, in fp32 on the CPU, and its tokenizer.

    Raises `TrainingError` for a folder, `CheckpointError` for a file that cannot be trained on.
    """
    file = place.base.path
    if file.is_dir():
        raise TrainingError(
            f"{file} is a folder, and the recipes for a base read GGUF files; nothing was trained. "
            f"Name a model of `dgls model list` or a `.gguf` file as --base."
        )
    base = read_base(file, place.base.identity)
    tokenizer = open_source(file).tokenizer()
    report(f"base {place.base.name}, {base.shape.vocabulary:,} tokens, on {place.device}")
    return base, tokenizer
