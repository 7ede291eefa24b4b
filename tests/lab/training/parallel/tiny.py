"""A tiny base of the laptop model's class, and a corpus for it, for tests of the canvas recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from dgls.canvas.fim import ENDS_OF_MIDDLE
from dgls.lab.training.parallel.base import Base, Shape, random_base
from dgls.lab.training.parallel.cuts import HEAD, Cuts
from dgls.lab.training.parallel.vocabulary import Vocabulary, vocabulary_of

SHAPE = Shape(vocabulary=64, hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, ffn=96)
WORDS = 64 - len(ENDS_OF_MIDDLE)


def tiny_base(seed: int = 0) -> Base:
    """Random weights; the last rows are the special tokens, whose ids are far beyond the others."""
    ids = torch.cat((torch.arange(WORDS), 1000 + torch.arange(len(ENDS_OF_MIDDLE))))
    return replace(random_base(SHAPE, seed, spread=0.15), token_ids=ids)


def tiny_cuts(files: int = 4, size: int = 400, cuts: int = 50) -> Cuts:
    """Random tokens; every second file is held out."""
    rng = np.random.default_rng(0)
    starts = rng.integers(60, size - 60, (files, cuts)) + np.arange(files)[:, None] * size
    return Cuts(
        tokens=rng.integers(0, WORDS, files * size).astype(np.int32),
        bounds=np.arange(files + 1) * size,
        language=(np.arange(files) // 2 % 2).astype(np.int8),
        heldout=np.arange(files) % 2 == 1,
        origin=np.repeat(np.arange(files), cuts).astype(np.int32),
        start=starts.ravel().astype(np.int32),
        resume=(starts.ravel() + 5).astype(np.int32),
        head=np.full((files * cuts, HEAD), -1, dtype=np.int32),
        one_line=np.zeros(files * cuts, dtype=bool),
        languages=np.array(["python", "rust"]),
    )


def tiny_vocabulary(base: Base, cuts: Cuts) -> Vocabulary:
    """All tokens may be drafted; one of them ends a line."""
    tokens = ["x"] * (WORDS - 1) + ["\u010a"] + list(ENDS_OF_MIDDLE)
    return vocabulary_of(base, tokens, cuts, 64)
