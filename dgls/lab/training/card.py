"""The model card: what a checkpoint is, and how it was trained on what."""

from __future__ import annotations

from collections.abc import Sequence

from dgls.lab.training.corpus import SourceCount
from dgls.lab.training.recipes import Recipe
from dgls.lab.training.run_folder import LogLine, Progress


def model_card(
    recipe: Recipe,
    parameters: int,
    progress: Progress,
    history: Sequence[LogLine],
    sources: Sequence[SourceCount],
    quality: str = "",
) -> str:
    """The card as Markdown. `quality` is the table of `dgls.lab.training.quality`, if any."""
    shape = recipe.shape
    measured = [line for line in history if line.heldout_canvas is not None]
    last = measured[-1] if measured else None
    lines = [
        f"# dgls-{recipe.name}",
        "",
        f"A `DiffusionGemmaForBlockDiffusion` of {parameters:,} parameters "
        f"(hidden {shape.hidden}, {shape.layers} layers, vocabulary {shape.vocabulary:,}, window "
        f"{shape.window} tokens) that fills gaps in Python source. Apache-2.0.",
        "",
        f"Made by `dgls train --recipe {recipe.name}`: {progress.step:,} steps, "
        f"{progress.tokens:,} tokens (padding included), {progress.seconds / 60:.0f} minutes. "
        "The loss curves are in `loss.svg`.",
    ]
    if last is not None:
        lines += [
            "",
            f"Cross-entropy on held-out packages: canvas {last.heldout_canvas:.3f}, causal "
            f"{last.heldout_causal:.3f} nats per token at step {last.step:,}.",
        ]
    if quality:
        lines += [
            "",
            "Gaps cut from held-out files on which the confidence was not fitted "
            "(`docs/evaluation.md` explains the columns):",
            "",
            quality,
        ]
    lines += ["", "## What it was trained on", "", *_table(sources), ""]
    return "\n".join(lines)


def _table(sources: Sequence[SourceCount]) -> list[str]:
    rows = ["| package | version | licence | files | bytes | split |", "|---|---|---|---|---|---|"]
    for count in sources:
        package = count.package
        rows.append(
            f"| {package.name} | {package.version} | {package.licence} | {count.files} "
            f"| {count.size:,} | {package.split} |"
        )
    return rows
