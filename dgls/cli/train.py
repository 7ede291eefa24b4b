"""`dgls train`: from nothing to a checkpoint, or to an adapter for a base, by a recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgls.cli.private import AllowPrivate, MayRead, keep_files_private, readable
from dgls.errors import InputError

if TYPE_CHECKING:
    import torch

    from dgls.lab.evaluation.contamination import Contamination
    from dgls.lab.training.fetch import Package
    from dgls.lab.training.parallel.workplace import Workplace
    from dgls.lab.training.recipes import Recipe


_RecipeName = Annotated[
    str,
    typer.Option(
        help="toy, cpu or small: train a model from scratch. With --base, canvas: an adapter that "
        "drafts; lora: a fine-tune that fills better."
    ),
]
_Base = Annotated[
    str | None,
    typer.Option(
        help="For the recipes canvas and lora: a model from `dgls model list`, or a .gguf file."
    ),
]
_Folder = Annotated[
    Path, typer.Option(help="Folder for the results of each stage; run again to continue.")
]
_Output = Annotated[
    Path | None, typer.Option(help="The folder for the trained result (FOLDER/checkpoint).")
]
_Sources = Annotated[
    list[Path] | None,
    typer.Option(help="Train on these folders instead of the listed packages; repeatable."),
]
_Excluded = Annotated[
    list[Path] | None,
    typer.Option(help="Evaluation tasks (JSONL.GZ) to keep out of the corpus; repeatable."),
]
_Start = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Start from this checkpoint's weights and tokenizer, or from this adapter."
    ),
]
_Seed = Annotated[
    int | None,
    typer.Option(min=0, max=2**31 - 1, help="Another seed draws different examples and noise."),
]
_Minutes = Annotated[
    float | None, typer.Option(min=0.01, max=1e6, help="Stop after this training time, in minutes.")
]
_Steps = Annotated[int | None, typer.Option(min=1, max=10**9, help="Stop after this many steps.")]
_Device = Annotated[str, typer.Option(help="cpu or cuda.")]
_Threads = Annotated[int, typer.Option(min=0, max=1024, help="CPU threads; 0 uses all cores.")]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(train)


def train(
    recipe: _RecipeName = "cpu",
    base: _Base = None,
    folder: _Folder = Path(".cache/train"),
    output: _Output = None,
    source: _Sources = None,
    exclude: _Excluded = None,
    start: _Start = None,
    seed: _Seed = None,
    minutes: _Minutes = None,
    steps: _Steps = None,
    device: _Device = "cpu",
    threads: _Threads = 0,
    allow_private: AllowPrivate = False,
) -> None:
    """Build the corpus, the tokenizer and the model. Resumes if interrupted."""
    from dgls.config import resolve
    from dgls.lab.evaluation.cases import task_texts
    from dgls.lab.evaluation.contamination import Contamination
    from dgls.lab.training.recipes import FOR_A_BASE, recipe_named
    from dgls.network.hardware import chosen_device

    if (recipe in FOR_A_BASE) != (base is not None):
        others = " and ".join(FOR_A_BASE)
        wrong = "needs a --base" if recipe in FOR_A_BASE else f"takes no --base; only {others} do"
        raise InputError(f"The recipe {recipe} {wrong}; nothing was trained.")
    keep_files_private()
    may_read = readable(resolve(Path.cwd()), *(source or ()), allow=allow_private)
    excluded = Contamination.of(text for file in exclude or [] for text in task_texts(file))
    where = chosen_device(device)
    if threads:
        _use_threads(threads)
    told = _Told(
        folder, output or folder / "checkpoint", _packages(source or ()), excluded, may_read, start
    )
    limits = _Limits(minutes, steps, seed)
    if base is not None:
        _train_on_base(recipe, base, told, limits, where)
    else:
        _train_model(recipe_named(recipe), told, limits, where)


@dataclass(frozen=True, slots=True)
class _Told:
    """Places and sources from the command line."""

    folder: Path
    output: Path
    packages: tuple[Package, ...]
    excluded: Contamination
    may_read: MayRead
    start: Path | None


@dataclass(frozen=True, slots=True)
class _Limits:
    """Limits from the command line; None leaves one to the recipe."""

    minutes: float | None
    steps: int | None
    seed: int | None

    def of(self, recipe: Any) -> Any:
        """The recipe, or its settings, with these limits."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(recipe, **said)


def _packages(sources: Sequence[Path]) -> tuple[Package, ...]:
    """The folders to train on; without any, the packages listed by the recipes."""
    from dgls.lab.training.fetch import listed_packages, local_package, standard_library

    return tuple(map(local_package, sources)) or (standard_library(), *listed_packages())


def _use_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _train_model(recipe: Recipe, told: _Told, limits: _Limits, device: torch.device) -> None:
    from dgls.lab.training.pipeline import Reporter, Workplace, make_checkpoint

    place = Workplace(told.folder, told.output, told.packages, device, told.start, told.may_read)
    reporter = Reporter(typer.echo, _echo_step)
    path = make_checkpoint(limits.of(recipe), place, told.excluded, reporter).absolute()
    typer.echo(f"The checkpoint is in {path}. To try it: dgls fill --model {path} FILE:LINE:COL")


def _train_on_base(
    recipe: str, base: str, told: _Told, limits: _Limits, device: torch.device
) -> None:
    from dgls.checkpoint.named import resolved
    from dgls.lab.training.parallel.corpus import Sources
    from dgls.lab.training.parallel.workplace import Workplace

    named = resolved(base)
    if not named.causal:
        raise InputError(
            f"{base} does not write from left to right, which the recipe {recipe} needs; nothing "
            "was trained. Name a model from `dgls model list` or a .gguf file."
        )
    made, make = _recipe_for_a_base(recipe, limits)
    sources = Sources(told.packages, told.excluded, told.may_read)
    place = Workplace(named, told.folder, told.output / made, sources, device, told.start)
    try:
        path = make(place).absolute()
    except KeyboardInterrupt:
        typer.echo("Run the same command again to continue from the last save.")
        raise
    typer.echo(
        f"The result is in {path}. To use it, copy it to {named.folder / made}; `dgls bench "
        "passes` and `dgls eval cut` measure how much it helps."
    )


def _recipe_for_a_base(recipe: str, limits: _Limits) -> tuple[str, Callable[[Workplace], Path]]:
    """The file name of a recipe's result, and the function that makes it."""
    from dgls.checkpoint.files import ADAPTER_FILE, LORA_FILE
    from dgls.lab.training.lora import recipe as lora
    from dgls.lab.training.lora.run import Settings as LoraSettings
    from dgls.lab.training.parallel import canvas
    from dgls.lab.training.parallel.run import Settings
    from dgls.lab.training.recipes import LORA

    if recipe == LORA:
        return LORA_FILE, lambda place: lora.make_lora(place, limits.of(LoraSettings()), typer.echo)
    return ADAPTER_FILE, lambda place: canvas.make_adapter(place, limits.of(Settings()), typer.echo)


def _echo_step(line: object, share: float) -> None:
    from dgls.lab.training.run_folder import LogLine

    assert isinstance(line, LogLine)
    left = line.seconds / share - line.seconds if share else 0.0
    heldout = ""
    if line.heldout_canvas is not None:
        heldout = f"  held out {line.heldout_canvas:.3f} + {line.heldout_causal:.3f}"
    typer.echo(
        f"step {line.step:>7,}  canvas {line.canvas:.3f} + causal {line.causal:.3f}{heldout}  "
        f"{line.tokens / line.seconds:,.0f} tokens/s  {left / 60:.1f} min left"
    )
