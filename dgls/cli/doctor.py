"""`dgls doctor`: what this machine can run, and why."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.options import AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from dgls.checkpoint.adapter_trial import Trial
    from dgls.doctor.findings import EngineFound, Findings, Machine, ModelFound, Precision, Speed


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(doctor)


def doctor(
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Fill with the model in use and measure how long it takes."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check what this machine can run, and why.

    Exits with 1 if the model in use cannot run or a setting is wrong.
    """
    from dgls.doctor.examination import examine

    found = asyncio.run(examine(Path.cwd(), _progress(), measured=measure))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=2, ensure_ascii=False))
    else:
        _show(found)
    if found.problems or not found.models[0].is_ready:
        raise typer.Exit(1)


def _progress() -> Callable[[float, str], None]:
    """Prints only new messages, because the engine is polled while it starts."""
    from dgls.text.counting import in_tens

    tell = in_tens(lambda line: typer.echo(line, err=True))
    return lambda share, what: tell(100 * share, what)


_NARROWEST = 20


def _show(found: Findings) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    rows = [(label, text.replace(str(Path.home()), "~")) for label, text in _rows(found)]
    console = Console(highlight=False)
    if console.width < _NARROWEST:
        # A shell that reports 0 columns does not know its width.
        console.width = 80
    if console.is_terminal:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in rows:
            table.add_row(label, escape(text))
        console.print(table)
    else:
        typer.echo("\n".join(f"{label:<9}{text}" for label, text in rows))
    if found.machine.gpus:
        _show_precision(found.precision, console)


def _rows(found: Findings) -> Iterator[tuple[str, str]]:
    """The lines of the output as pairs of label and text."""
    yield "dgls", f"{found.version}, Python {found.machine.python}, torch {found.machine.torch}"
    yield from _machine(found.machine)
    for model in found.models:
        yield "model", _model(model)
    yield "fills", found.choice
    yield "engine", _engine(found.engine)
    if found.speed is not None:
        yield "speed", _speed(found.speed)
    if found.adapter is not None:
        yield "adapter", _adapter(found.adapter)
    for editor in found.editors:
        name = f"{editor.name} {editor.version}".rstrip()
        yield "editor", f"{name} ({editor.path}): {editor.how}"
    if not found.editors:
        yield "editor", "none found on the PATH"
    changed = [each for each in found.settings if each.origin != "default"]
    for setting in changed:
        yield "setting", f"{setting.name} = {json.dumps(setting.value)} from {setting.origin}"
    others = len(found.settings) - len(changed)
    yield "setting", f"{'the other' if changed else 'all'} {others} have their defaults"
    for problem in found.problems:
        yield "problem", problem


def _machine(machine: Machine) -> Iterator[tuple[str, str]]:
    memory = f"{_gb(machine.available)} of {_gb(machine.memory)} of memory free"
    yield "machine", f"{machine.system}, {machine.cores} cores, {memory}"
    for gpu in machine.gpus:
        memory = f"{_gb(gpu.free)} of {_gb(gpu.memory)} free"
        yield "gpu", f"{gpu.name}, {memory}, driver {gpu.driver}"
    if machine.note:
        yield "gpu", machine.note


def _model(model: ModelFound) -> str:
    if model.problem:
        return f"{model.name}: {model.problem}"
    return f"{model.name}: ready, {_gb(model.bytes)} in {model.folder}"


def _engine(engine: EngineFound) -> str:
    others = f"; other engines: {engine.others}" if engine.others else ""
    if engine.state == "none":
        return f"not running; the first fill starts it{others}"
    uptime = f"up {engine.uptime_seconds // 60} min {engine.uptime_seconds % 60} s"
    memory = f"{_gb(engine.memory)} of memory"
    state = f"{engine.state} ({engine.message})" if engine.message else engine.state
    return f"{state}, {engine.model}, {uptime}, {memory}, process {engine.pid}{others}"


def _speed(speed: Speed) -> str:
    started = f", after {speed.starting_ms / 1000:.1f} s to start" if speed.starting_ms else ""
    return (
        f"{speed.median_ms:.0f} ms per fill with {speed.model} (median of {speed.fills - 1}, "
        f"{speed.steps} passes), {speed.first_ms:.0f} ms for the first{started}"
    )


def _adapter(trial: Trial) -> str:
    use = "used" if trial.pays else "not used (it must save 15 %)"
    return (
        f"{use}: one-line fills take {trial.without_ms:.0f} ms without it and "
        f"{trial.with_ms:.0f} ms with it (median of {trial.fills})"
    )


def _show_precision(precision: Precision, console: Console) -> None:
    from rich.table import Table

    from dgls.checkpoint.precision_fit import NAME

    table = Table(title=f"{NAME} on {precision.where}", title_justify="left")
    for heading in ("quantization", "needs", "free", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for fit in precision.fits:
        verdict = "fits" if fit.fits else "does not fit"
        verdict += ", chosen" if fit.scheme == precision.chosen else ""
        table.add_row(fit.scheme, _gb(fit.needed), _gb(fit.free), verdict)
    console.print(table)
    console.print(precision.why, markup=False)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
