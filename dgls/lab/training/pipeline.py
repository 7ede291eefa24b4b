"""From nothing to a checkpoint: corpus, tokenizer, training, export, calibration, model card.

Every stage leaves its result in the work folder and is skipped if that exists, so an interrupted
run continues where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from transformers import DiffusionGemmaForBlockDiffusion

from dgls.allocator import keep_freed_memory
from dgls.checkpoint.codec import HfCodec
from dgls.checkpoint.files import TOKENIZER_FILE
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.metadata import Metadata
from dgls.checkpoint.storage import save_checkpoint
from dgls.errors import TrainingError
from dgls.lab.evaluation.contamination import Contamination
from dgls.lab.evaluation.source_tree import MayRead, anything
from dgls.lab.training.card import model_card
from dgls.lab.training.corpus import Corpus, build_corpus
from dgls.lab.training.curve import write_curve
from dgls.lab.training.examples import ExampleSource
from dgls.lab.training.fetch import Package
from dgls.lab.training.loop import Run, train
from dgls.lab.training.quality import measure
from dgls.lab.training.recipes import Recipe, Shape
from dgls.lab.training.run_folder import LogLine, Progress, RunFolder
from dgls.lab.training.tokenizer import train_tokenizer
from dgls.network.architecture import build, embedded_config, parameter_count


@dataclass(frozen=True)
class Reporter:
    """The reports of the stages: sentences, and log lines with the share that is done."""

    say: Callable[[str], None]
    step: Callable[[LogLine, float], None]


@dataclass(frozen=True)
class Workplace:
    """The inputs and places of a run.

    `output` becomes the checkpoint folder. `start` is a checkpoint whose weights and tokenizer the
    run begins with, instead of random weights and a new tokenizer. `may_read` is called for each
    file of a local package.
    """

    folder: Path
    output: Path
    packages: tuple[Package, ...]
    device: torch.device
    start: Path | None = None
    may_read: MayRead = anything


def make_checkpoint(
    recipe: Recipe, place: Workplace, contamination: Contamination, reporter: Reporter
) -> Path:
    """Run every stage that has not been run yet and return the checkpoint's folder."""
    keep_freed_memory()
    corpus = build_corpus(
        place.folder / "corpus", place.packages, contamination, reporter.say, place.may_read
    )
    tokenizer = place.folder / "tokenizer.json"
    if not tokenizer.is_file() and place.start:
        shutil.copyfile(place.start / TOKENIZER_FILE, tokenizer)
    if not tokenizer.is_file():
        reporter.say("Training the tokenizer.")
        train_tokenizer(
            corpus.documents("train"), recipe.shape.vocabulary, recipe.tokenizer_chars, tokenizer
        )
    codec = HfCodec.from_file(tokenizer)
    run = _run(fitted(recipe, codec), place, corpus, codec, reporter)
    progress = train(run)
    return _export(run, place, corpus, tokenizer, progress, reporter)


def fitted(recipe: Recipe, codec: HfCodec) -> Recipe:
    """The recipe with the tokenizer's real vocabulary (a small corpus gives a smaller one)."""
    return replace(recipe, shape=replace(recipe.shape, vocabulary=codec.size))


def new_model(shape: Shape, seed: int) -> DiffusionGemmaForBlockDiffusion:
    """A model of that shape with random weights drawn with `seed`."""
    torch.manual_seed(seed)
    config = embedded_config(
        hidden=shape.hidden,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        ffn=shape.ffn,
        vocab=shape.vocabulary,
        window=shape.window,
    )
    return build(config)


def take_over(model: torch.nn.Module, folder: Path) -> None:
    """Copy a checkpoint's weights. Raises `TrainingError` if it has another shape."""
    given = dict(load_checkpoint(folder).model.named_parameters())
    own = dict(model.named_parameters())
    if {name: p.shape for name, p in given.items()} != {name: p.shape for name, p in own.items()}:
        raise TrainingError(
            f"{folder} and the recipe have different shapes; no training was started. Use "
            "the recipe that made it, and a folder without its own tokenizer."
        )
    for name, parameter in own.items():
        parameter.data.copy_(given[name])


def _run(
    recipe: Recipe, place: Workplace, corpus: Corpus, codec: HfCodec, reporter: Reporter
) -> Run:
    model = new_model(recipe.shape, recipe.seed)
    if place.start:
        take_over(model, place.start)
    torch.nn.Module.to(model, place.device)
    if recipe.compile and place.device.type == "cuda":
        model.model.encoder.compile(dynamic=True)
        model.model.decoder.compile(dynamic=True)
    folder = RunFolder(place.folder / "run")
    folder.folder.mkdir(parents=True, exist_ok=True)
    heldout = corpus.documents("heldout")
    return Run(
        recipe=recipe,
        model=model,
        training=ExampleSource(corpus.documents("train"), codec, recipe.sampling),
        heldout=ExampleSource(heldout, codec, recipe.sampling) if len(heldout) else None,
        folder=folder,
        device=place.device,
        report=reporter.step,
    )


def _export(
    run: Run,
    place: Workplace,
    corpus: Corpus,
    tokenizer: Path,
    progress: Progress,
    reporter: Reporter,
) -> Path:
    metadata = Metadata(
        name=f"dgls-{run.recipe.name}",
        window=run.recipe.shape.window,
        languages=("python",),
        notes={
            "recipe": run.recipe.name,
            "parameters": parameter_count(run.model),
            **asdict(progress),
        },
    )
    save_checkpoint(run.model, tokenizer, place.output, bits=8, metadata=metadata)
    history = run.folder.history()
    write_curve(history, place.output / "loss.svg")
    quality = measure(
        place.output, corpus.documents("heldout"), place.folder / "quality", reporter.say
    )
    parameters, sources = parameter_count(run.model), corpus.sources()
    card = model_card(run.recipe, parameters, progress, history, sources, quality)
    (place.output / "README.md").write_text(card, encoding="utf-8")
    return place.output
