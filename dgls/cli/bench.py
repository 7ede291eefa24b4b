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
    list[Path] | None, typer.Argument(help="Source trees to cut gaps from; dgls' own if none.")
]
_Minutes = Annotated[
    float | None, typer.Option(min=0.01, help="Begin no further gap after this time.")
]
_Unverified = Annotated[
    bool,
    typer.Option(
        help="Print instead what the adapter's masks write unverified, by the order in which "
        "their tokens are accepted."
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
        int, typer.Option(min=1, max=1_000_000, help="Keystrokes and engine calls.")
    ] = 500,
    places: Annotated[
        int, typer.Option(min=1, max=100_000, help="Places to fill, cold and warm.")
    ] = 40,
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Print what a user waits for as a Markdown table."""
    from dgls.lab.bench.latency import latency as measure

    settings = _settings({"model.name": model})
    _show(asyncio.run(measure(settings, keystrokes, places, _say)), as_json=as_json)


def engine(
    editors: Annotated[
        list[int] | None,
        typer.Option(min=1, max=1000, help="Editors at once; may be given several times."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=86_400, help="Typing time of each count.")
    ] = 60.0,
    model: ModelName = None,
    recorded: Annotated[
        Path | None, typer.Option(help="Sessions that were recorded, one JSON object a line.")
    ] = None,
    vllm: Annotated[
        str | None, typer.Option(help="A vLLM server that serves the model: the same fills there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what one engine does for 1, 4 and 16 editors that type, as a Markdown table."""
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
        str, typer.Option(help="`full`, the published model's size, or `toy` for a try-out.")
    ] = "full",
    schemes: Annotated[
        str, typer.Option(help="Precisions, with commas: `none` (bf16), `8bit`, `4bit`.")
    ] = "none,4bit,8bit",
    parts: Annotated[
        str, typer.Option(help="What to measure, with commas; all parts unless given.")
    ] = "",
    budget_minutes: Annotated[
        float, typer.Option(min=0, help="Begin no further part after so many minutes.")
    ] = 8.0,
    json: Annotated[
        Path | None, typer.Option(help="Write every figure here too, as soon as it is known.")
    ] = None,
    device: Annotated[str, typer.Option(help="A device of torch, or `auto`.")] = "auto",
) -> None:
    """Print what the published model takes on this GPU, with random weights, as Markdown."""
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
            "this machine has no GPU, and the full size takes 53 GB of memory; --size toy tries "
            "the command out, --device cpu insists"
        )
    results = run(plan, json, _say)
    typer.echo(results.markdown(), nl=False)
    typer.echo(f"\n{aims(results.figures, plan.size)}", nl=False)


def passes(
    folders: _Folders = None,
    gaps: Annotated[int, typer.Option(min=1, help="Gaps in all.")] = 60,
    seed: Annotated[int, typer.Option(help="Another seed cuts other gaps.")] = 0,
    model: Annotated[str, typer.Option(help="A causal model, as `model.name`.")] = "auto",
    device: Annotated[str, typer.Option(help="A device of torch, or `auto`.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 for dgls' choice.")] = 0,
    minutes: _Minutes = None,
    unverified: _Unverified = False,
    as_json: AsJson = False,
) -> None:
    """Print tokens a pass without drafts, with looked-up ones, the adapter's, and both."""
    import json
    import math

    import dgls
    from dgls.checkpoint.named import resolved
    from dgls.fill.opening import open_causal
    from dgls.lab.bench.machine import machine
    from dgls.lab.bench.passes import as_json as in_json
    from dgls.lab.bench.passes import gaps_of, markdown
    from dgls.lab.bench.passes import passes as measure

    named = resolved(model)
    if not named.causal:
        raise typer.BadParameter(f"{named.name} is no causal model, so it writes with no drafts.")
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
