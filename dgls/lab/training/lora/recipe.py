"""The recipe `lora` from end to end: a base, a corpus of gaps, a run folder, a LoRA."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from dgls.errors import TrainingError
from dgls.lab.training.lora.examples import Examples, cut_examples
from dgls.lab.training.lora.network import Batcher, LoraTerms
from dgls.lab.training.lora.run import Run, Settings, train
from dgls.lab.training.parallel.corpus import Cutting, corpus_of
from dgls.lab.training.parallel.run_folder import RunFolder, alone_in, memory_told, saving
from dgls.lab.training.parallel.workplace import Workplace, open_base
from dgls.network.hardware import is_fast_in_bf16

_CPU_MEASURES = 4


def make_lora(place: Workplace, settings: Settings, report: Callable[[str], None]) -> Path:
    """Train a LoRA for the base, continuing a run in the folder.

    Raises `TrainingError` for a folder of another run, for a corpus without gaps and for a full
    disk, `CheckpointError` for a base that cannot be trained on.
    """
    if place.start is not None:
        raise TrainingError("The recipe lora takes no --from; nothing was trained.")
    with alone_in(place.folder), memory_told(place.folder):
        run = _run(place, settings, report)
        progress = train(run)
    with saving(place.output.parent):
        place.output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run.folder.made, place.output)
    report(f"{progress.step:,} steps in {progress.seconds / 60:.1f} minutes of training.")
    return place.output


def cpu_settings(settings: Settings) -> Settings:
    """The same run in smaller portions, for a few processor cores."""
    measure = min(1800.0, max(300.0, 60 * settings.minutes / _CPU_MEASURES))
    return replace(settings, tokens=2200, heldout=64, measure=measure)


def _run(place: Workplace, settings: Settings, report: Callable[[str], None]) -> Run:
    base, tokenizer = open_base(place, report)
    if not torch.equal(base.token_ids, torch.arange(base.shape.vocabulary)):
        raise TrainingError(
            f"{place.base.path} holds a part of the vocabulary, and the recipe lora needs all of "
            f"it; nothing was trained. Name the published file as --base."
        )
    cutting = Cutting("examples.npz", Examples, lambda files: cut_examples(files, tokenizer))
    with saving(place.folder):
        examples = corpus_of(place.folder, place.sources, base.sha256, cutting, report)
    dtype = torch.bfloat16 if is_fast_in_bf16(place.device) else torch.float32
    base = base.to(place.device, dtype)
    settings = settings if place.device.type == "cuda" else cpu_settings(settings)
    terms = LoraTerms(base.shape, settings.rank, settings.alpha, settings.seed).to(place.device)
    batcher = Batcher(examples, tokenizer, base)
    folder = RunFolder(place.folder, "lora.safetensors")
    return Run(base, terms, examples, batcher, folder, settings, report)
