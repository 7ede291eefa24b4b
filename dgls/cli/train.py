"""`dgls train`: from nothing to a checkpoint, by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgls.cli.private import AllowPrivate, keep_files_private, readable


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(train)


def train(
    recipe: Annotated[str, typer.Option(help="toy, cpu or small.")] = "cpu",
    folder: Annotated[
        Path, typer.Option(help="Where the stages leave their results; run again to go on.")
    ] = Path(".cache/train"),
    output: Annotated[
        Path | None, typer.Option(help="The checkpoint's folder (FOLDER/checkpoint).")
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(help="Train on these folders instead of the listed packages; repeatable."),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="Evaluation tasks (JSONL.GZ) to keep out of the corpus; repeatable."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Begin with this checkpoint's weights and tokenizer."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31 - 1, help="Draws other examples and noise."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=1e6, help="End after this training time.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, max=10**9, help="End after this many steps.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    allow_private: AllowPrivate = False,
) -> None:
    """Build the corpus, the tokenizer and the model; interrupted, it goes on where it stopped."""
    from dataclasses import replace

    from dgls.config import resolve
    from dgls.evaluation.cases import task_texts
    from dgls.evaluation.contamination import Contamination
    from dgls.network.hardware import chosen_device
    from dgls.training.fetch import listed_packages, local_package, standard_library
    from dgls.training.pipeline import Reporter, Workplace, make_checkpoint
    from dgls.training.recipes import recipe_named

    keep_files_private()
    may_read = readable(resolve(Path.cwd()), allow_private)
    chosen = recipe_named(recipe)
    chosen = replace(
        chosen,
        minutes=minutes or chosen.minutes,
        steps=steps or chosen.steps,
        seed=chosen.seed if seed is None else seed,
    )
    if source:
        packages = tuple(map(local_package, source))
    else:
        packages = (standard_library(), *listed_packages())
    target = output or folder / "checkpoint"
    place = Workplace(folder, target, packages, chosen_device(device), start, may_read)
    excluded = Contamination.of(text for file in exclude or [] for text in task_texts(file))
    path = make_checkpoint(chosen, place, excluded, Reporter(typer.echo, _echo_step))
    path = path.absolute()
    typer.echo(f"The checkpoint is in {path}. Try it: dgls fill --model {path} FILE:LINE:COL")


def _echo_step(line: object, share: float) -> None:
    from dgls.training.run_folder import LogLine

    assert isinstance(line, LogLine)
    left = line.seconds / share - line.seconds if share else 0.0
    heldout = ""
    if line.heldout_canvas is not None:
        heldout = f"  held out {line.heldout_canvas:.3f} + {line.heldout_causal:.3f}"
    typer.echo(
        f"step {line.step:>7,}  canvas {line.canvas:.3f} + causal {line.causal:.3f}{heldout}  "
        f"{line.tokens / line.seconds:,.0f} tokens/s  {left / 60:.1f} min left"
    )
