"""The canvas recipe from end to end: a base, a corpus of cuts, a run folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from dgls.checkpoint.adapter import AdapterShape
from dgls.training.parallel.adapter import Adapter
from dgls.training.parallel.base import Base
from dgls.training.parallel.cuts import Cuts
from dgls.training.parallel.gguf_base import read_base
from dgls.training.parallel.prompts import PromptSource
from dgls.training.parallel.run import Run, Settings
from dgls.training.parallel.run_folder import RunFolder
from dgls.training.parallel.vocabulary import Vocabulary, file_vocabulary

DRAFTS = 24_576
"""Tokens that may be drafted: the corpus' most frequent ones."""

_HELDOUT_SEED = 7


def canvas_run(
    base_file: Path,
    cuts: Cuts,
    folder: RunFolder,
    settings: Settings,
    device: torch.device,
    report: Callable[[str], None],
    size: AdapterShape | None = None,
) -> Run:
    """A run that trains an adapter for the base in `base_file` on `cuts`."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    base = read_base(base_file)
    vocabulary = file_vocabulary(base_file, base, cuts, DRAFTS)
    report(f"base {base.sha256[:12]}: {base.shape.vocabulary:,} tokens, {device}")
    return run_on(
        base.to(device, dtype), vocabulary, cuts, folder, settings, report, size or AdapterShape()
    )


def run_on(
    base: Base,
    vocabulary: Vocabulary,
    cuts: Cuts,
    folder: RunFolder,
    settings: Settings,
    report: Callable[[str], None],
    size: AdapterShape,
) -> Run:
    """The same for a base that is loaded already."""
    heldout = PromptSource(cuts, base, heldout=True, seed=_HELDOUT_SEED)
    languages = tuple(str(name) for name in cuts.languages)
    return Run(
        base=base,
        adapter=Adapter(base, size, vocabulary.draft_rows).to(base.device),
        vocabulary=vocabulary.to(base.device),
        training=PromptSource(cuts, base, heldout=False, seed=settings.seed),
        heldout=heldout.batch(settings.heldout * len(languages), settings.heldout_length),
        languages=languages,
        folder=folder,
        settings=settings,
        report=report,
    )


def cpu_settings(settings: Settings) -> Settings:
    """The same run in the portions that a few processor cores can work on."""
    return replace(settings, pool=12, rows=768, heldout=8, measure=1800.0, lengths=(192, 320))
