"""`dgls bench`: measure dgls on this machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    bench = typer.Typer(no_args_is_help=True, help="Measure dgls on this machine.")
    bench.callback()(_bench)
    bench.command()(latency)
    app.add_typer(bench, name="bench")


def _bench() -> None:
    """Measure dgls on this machine."""


def latency(
    keystrokes: Annotated[int, typer.Option(min=1, help="Keystrokes and engine calls.")] = 500,
    places: Annotated[int, typer.Option(min=1, help="Places to fill, cold and warm.")] = 40,
    model: Annotated[
        str | None, typer.Option(help="`embedded`, a checkpoint folder, or a cached model's name.")
    ] = None,
) -> None:
    """Print what a user waits for as a Markdown table."""
    from dgls.bench.latency import latency as measure
    from dgls.client.endpoint import absolute
    from dgls.config import changed, resolve

    settings = resolve().settings
    if model is not None:
        settings = absolute(changed(settings, {"model.name": model}))
    page = asyncio.run(
        measure(settings, keystrokes, places, lambda what: typer.echo(f"{what} ...", err=True))
    )
    typer.echo(page, nl=False)
