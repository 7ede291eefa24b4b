"""`dgls bench`: measure dgls on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.options import AsJson, ModelName

if TYPE_CHECKING:
    from dgls.config import Settings
    from dgls.lab.bench.series import Page

_EDITORS = (1, 4, 16)

_Folders = Annotated[
    list[Path] | None, typer.Argument(help="Source trees to cut gaps from; by default dgls's own.")
]
_Minutes = Annotated[
    float | None, typer.Option(min=0.01, help="Start no further gap after this time, in minutes.")
]
_Unverified = Annotated[
    bool,
    typer.Option(
        help="Instead, print what the adapter's masks write without verification, by the order in "
        "which their tokens are accepted."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    bench = typer.Typer(no_args_is_help=True, help="Measure dgls on this machine.")
    bench.callback()(_bench)
    bench.command()(latency)
    bench.command()(engine)
    bench.command()(gpu)
    bench.command()(passes)
    app.add_typer(bench, name="bench")


def _bench() -> None:
    """Measure dgls on this machine."""


def latency(
    keystrokes: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of keystrokes and engine calls.")
    ] = 500,
    places: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of places to fill, cold and warm.")
    ] = 40,
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Print how long a user waits, as a Markdown table."""
    from dgls.lab.bench.latency import latency as measure

    settings = _settings({"model.name": model})
    _show(asyncio.run(measure(settings, keystrokes, places, _say)), as_json=as_json)


def engine(
    editors: Annotated[
        list[int] | None,
        typer.Option(min=1, max=1000, help="Number of editors at once; repeatable."),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(min=1, max=86_400, help="Typing time for each number of editors, in seconds."),
    ] = 60.0,
    model: ModelName = None,
    recorded: Annotated[
        Path | None, typer.Option(help="Recorded sessions, one JSON object per line.")
    ] = None,
    vllm: Annotated[
        str | None, typer.Option(help="A vLLM server with the model: make the same fills there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print how one engine serves 1, 4 and 16 editors at once, as a Markdown table."""
    from dgls.lab.bench.engine import Load, usual_sessions
    from dgls.lab.bench.engine import engine as measure
    from dgls.lab.bench.typing.sessions import recorded_sessions

    settings = _settings({"model.name": model})
    counts = editors or _EDITORS
    sessions = recorded_sessions(recorded) if recorded else usual_sessions(max(counts))
    load = Load(counts, seconds, sessions)
    _show(asyncio.run(measure(settings, load, vllm, _say)), as_json=as_json)


def gpu(
    size: Annotated[
        str, typer.Option(help="`full`, the size of the 26B model, or `toy` to try it out.")
    ] = "full",
    schemes: Annotated[
        str, typer.Option(help="Precisions, separated by commas: `none` (bf16), `8bit`, `4bit`.")
    ] = "none,4bit,8bit",
    parts: Annotated[
        str, typer.Option(help="What to measure, separated by commas; by default all parts.")
    ] = "",
    budget_minutes: Annotated[
        float, typer.Option(min=0, help="Start no further part after this time, in minutes.")
    ] = 8.0,
    json: Annotated[
        Path | None,
        typer.Option(help="Also write every figure to this file, as soon as it is known."),
    ] = None,
    device: Annotated[str, typer.Option(help="A device of torch, or `auto`.")] = "auto",
) -> None:
    """Print the time and memory of the 26B model on this GPU, with random weights, as Markdown."""
    from dgls.lab.bench.gpu.aims import aims
    from dgls.lab.bench.gpu.run import planned, run
    from dgls.network.hardware import chosen_device

    chosen = chosen_device(device)
    try:
        plan = planned(size, _words(schemes), _words(parts), budget_minutes, chosen)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if device == "auto" and chosen.type == "cpu" and size == "full":
        raise typer.BadParameter(
            "this machine has no GPU, and the full size needs 53 GB of memory; use --size toy to "
            "try the command, or --device cpu to run it all the same"
        )
    results = run(plan, json, _say)
    typer.echo(results.markdown(), nl=False)
    typer.echo(f"\n{aims(results.figures, plan.size)}", nl=False)


def passes(
    folders: _Folders = None,
    gaps: Annotated[int, typer.Option(min=1, help="Total number of gaps.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed cuts different gaps.")] = 0,
    model: Annotated[str, typer.Option(help="A causal model, named as in `model.name`.")] = "auto",
    device: Annotated[str, typer.Option(help="A device of torch, or `auto`.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 lets dgls choose.")] = 0,
    minutes: _Minutes = None,
    unverified: _Unverified = False,
    as_json: AsJson = False,
) -> None:
    """Print tokens per pass without drafts, with looked-up ones, the adapter's, and both."""
    import json
    import math

    import dgls
    from dgls.checkpoint.named import resolved
    from dgls.fill.open_filler import open_causal
    from dgls.lab.bench.machine import machine
    from dgls.lab.bench.passes import as_json as in_json
    from dgls.lab.bench.passes import gaps_of, markdown
    from dgls.lab.bench.passes import passes as measure

    named = resolved(model)
    if not named.causal:
        raise typer.BadParameter(
            f"{named.name} is not a causal model, so it does not write with drafts."
        )
    cases = gaps_of(folders or [Path(dgls.__file__).parent], gaps, seed)
    filler = open_causal(named, device, threads, adapter="on")
    if unverified:
        from dgls.lab.bench.masks import tables

        shown = tables(filler.model, cases, _say, minutes or math.inf)
        typer.echo(f"{machine()}, model {named.name}\n\n{shown}")
        return
    figures = measure(filler.model, cases, _say, minutes or math.inf)
    if as_json:
        typer.echo(json.dumps(in_json(figures, named.name), indent=2))
    else:
        typer.echo(f"{machine()}, model {named.name}\n\n{markdown(figures)}", nl=False)


def _show(page: Page, *, as_json: bool) -> None:
    typer.echo(page.to_json() + "\n" if as_json else page.markdown(), nl=False)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _settings(chosen: dict[str, str | None]) -> Settings:
    """The user's settings, overridden by those of the command line."""
    from dgls.config import changed, resolve
    from dgls.rendezvous.endpoint import absolute

    given = {name: value for name, value in chosen.items() if value is not None}
    return absolute(changed(resolve().settings, given))


def _say(what: str) -> None:
    typer.echo(f"{what} ...", err=True)
