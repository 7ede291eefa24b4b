"""The canvas recipe from end to end: a base, a corpus of cuts, a run folder, an adapter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from dgls.checkpoint.adapter import AdapterShape, load_adapter
from dgls.errors import TrainingError
from dgls.lab.training.parallel.adapter import Adapter
from dgls.lab.training.parallel.adapter_file import restore
from dgls.lab.training.parallel.base import Base
from dgls.lab.training.parallel.corpus import Cutting, corpus_of
from dgls.lab.training.parallel.cuts import Cuts, cut_files
from dgls.lab.training.parallel.gguf_base import read_tokens
from dgls.lab.training.parallel.prompts import PromptSource
from dgls.lab.training.parallel.run import Run, Settings, train
from dgls.lab.training.parallel.run_folder import RunFolder, alone_in, memory_told, saving
from dgls.lab.training.parallel.vocabulary import Vocabulary, vocabulary_of
from dgls.lab.training.parallel.workplace import Workplace, open_base

DRAFTS = 24_576
"""Tokens that may be drafted: the most frequent ones of the corpus."""

_HELDOUT_SEED = 7
_CPU_MEASURES = 6


def make_adapter(
    place: Workplace,
    settings: Settings,
    report: Callable[[str], None],
    size: AdapterShape | None = None,
) -> Path:
    """Train an adapter for the base, continuing a run in the folder.

    Raises `TrainingError` for a folder of another run, for a corpus without gaps and for a full
    disk, `CheckpointError` for a base that cannot be trained on.
    """
    with alone_in(place.folder), memory_told(place.folder):
        run = _run(place, settings, report, size or AdapterShape())
        progress = train(run)
    with saving(place.output.parent):
        place.output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run.folder.made, place.output)
    report(f"{progress.step:,} steps in {progress.seconds / 60:.1f} minutes of training.")
    return place.output


def run_on(
    base: Base,
    vocabulary: Vocabulary,
    cuts: Cuts,
    folder: RunFolder,
    settings: Settings,
    report: Callable[[str], None],
    size: AdapterShape,
) -> Run:
    """A run for a loaded base."""
    heldout = PromptSource(cuts, base, vocabulary.marks, heldout=True, seed=_HELDOUT_SEED)
    languages = tuple(str(name) for name in cuts.languages)
    return Run(
        base=base,
        adapter=Adapter(base, size, vocabulary.draft_rows).to(base.device),
        vocabulary=vocabulary.to(base.device),
        training=PromptSource(cuts, base, vocabulary.marks, heldout=False, seed=settings.seed),
        heldout=heldout.batch(settings.heldout * len(languages), settings.heldout_length),
        languages=languages,
        folder=folder,
        settings=settings,
        report=report,
    )


def cpu_settings(settings: Settings) -> Settings:
    """The same run in smaller portions, for a few processor cores."""
    measure = min(1800.0, max(120.0, 60 * settings.minutes / _CPU_MEASURES))
    return replace(settings, pool=12, rows=768, heldout=8, measure=measure, lengths=(192, 320))


def _run(
    place: Workplace, settings: Settings, report: Callable[[str], None], size: AdapterShape
) -> Run:
    device = place.device
    base, tokenizer = open_base(place, report)
    with saving(place.folder):
        cutting = Cutting("cuts.npz", Cuts, lambda files: cut_files(files, tokenizer))
        cuts = corpus_of(place.folder, place.sources, base.sha256, cutting, report)
    vocabulary = vocabulary_of(base, read_tokens(place.base.path)[0], cuts, DRAFTS)
    base = base.to(device, torch.bfloat16 if device.type == "cuda" else torch.float32)
    settings = settings if device.type == "cuda" else cpu_settings(settings)
    run = run_on(base, vocabulary, cuts, RunFolder(place.folder), settings, report, size)
    if place.start is not None and not run.folder.has_begun:
        _begin_with(run.adapter, place.start, base)
    return run


def _begin_with(adapter: Adapter, path: Path, base: Base) -> None:
    weights = load_adapter(path, base.sha256)
    if weights.size != adapter.size:
        raise TrainingError(f"{path} has other sizes than the recipe; nothing was trained.")
    restore(adapter, weights)
