"""`dgls eval typing`: what a typist is shown and saved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dgls.cli.eval.options import Seed, may_read
from dgls.cli.options import AsJson, ModelName
from dgls.cli.private import AllowPrivate


def typing(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder with source to type again.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", help="Type this language alone; repeatable. Without it: all."),
    ] = None,
    recorded: Annotated[
        Path | None, typer.Option(help="Sessions as JSON lines instead, see docs/evaluation.md.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Sessions to make.")] = 12,
    truth: Annotated[
        bool, typer.Option(help="Measure the policy alone, with a backend that knows the truth.")
    ] = False,
    error: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Share of wrong fills of that backend.")
    ] = 0.4,
    latency_ms: Annotated[
        float, typer.Option(min=0, help="How long each of its fills takes.")
    ] = 100.0,
    at_once: Annotated[int, typer.Option(min=1, max=1000, help="Sessions typed side by side.")] = 1,
    model: ModelName = None,
    seed: Seed = 0,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Replay typing sessions through the real server, in real time, beside a plain policy."""
    from dgls.config import changed, resolve
    from dgls.errors import InputError
    from dgls.lab.bench.typing.measure import measure
    from dgls.lab.bench.typing.sessions import recorded_sessions, synthetic_sessions
    from dgls.lab.bench.typing.truth import Plan
    from dgls.lab.evaluation.cut import CODE, languages_of
    from dgls.rendezvous.endpoint import absolute

    if (folder is None) == (recorded is None):
        raise InputError("Give a folder or --recorded, one of the two; nothing was replayed.")
    sessions = (
        recorded_sessions(recorded)
        if recorded
        else synthetic_sessions(
            folder or Path(),
            count,
            seed,
            languages_of(language or ()) or CODE,
            may_read(allow_private, folder or Path()),
        )
    )
    settings = resolve().settings
    if model is not None:
        settings = absolute(changed(settings, {"model.name": model}))
    plan = Plan.of(sessions, error, latency_ms, seed) if truth else None
    page = asyncio.run(
        measure(settings, sessions, plan, at_once, lambda what: typer.echo(f"{what} ...", err=True))
    )
    typer.echo(page.to_json() if as_json else page.to_text(), nl=as_json)
