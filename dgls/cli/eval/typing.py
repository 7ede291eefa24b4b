"""`dgls eval typing`: what a typist is shown and saved."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.eval.options import Seed, may_read
from dgls.cli.options import AsJson, ModelName
from dgls.cli.private import AllowPrivate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dgls.lab.bench.typing.sessions import Session

_Folder = Annotated[Path | None, typer.Argument(help="A folder with source code to retype.")]
_Languages = Annotated[
    list[str] | None,
    typer.Option("--language", help="Type only this language; repeatable. By default all."),
]
_Recorded = Annotated[
    Path | None, typer.Option(help="Recorded sessions instead, as JSON lines (docs/judging.md).")
]
_Count = Annotated[int, typer.Option(min=1, help="Number of sessions.")]
_Truth = Annotated[
    bool, typer.Option(help="Measure only the policy, with a backend that knows the truth.")
]
_Error = Annotated[
    float, typer.Option(min=0.01, max=0.99, help="The share of wrong fills from that backend.")
]
_Latency = Annotated[float, typer.Option(min=0, help="How long each of its fills takes, in ms.")]
_AtOnce = Annotated[
    int, typer.Option(min=1, max=1000, help="Number of sessions typed at the same time.")
]


def typing(
    folder: _Folder = None,
    language: _Languages = None,
    recorded: _Recorded = None,
    count: _Count = 12,
    truth: _Truth = False,
    error: _Error = 0.4,
    latency_ms: _Latency = 100.0,
    at_once: _AtOnce = 1,
    model: ModelName = None,
    seed: Seed = 0,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Replay typing sessions through the real server in real time, and with a plain policy."""
    from dgls.config import changed, resolve
    from dgls.errors import InputError
    from dgls.lab.bench.typing.measure import Replayed, measure
    from dgls.lab.bench.typing.sessions import recorded_sessions
    from dgls.lab.bench.typing.truth import Plan
    from dgls.rendezvous.endpoint import absolute

    if recorded is not None and folder is None:
        sessions = recorded_sessions(recorded)
    elif folder is not None and recorded is None:
        sessions = _synthetic(folder, language or (), count, seed, allow_private=allow_private)
    else:
        raise InputError("Give either a folder or --recorded, not both. Nothing was replayed.")
    settings = resolve().settings
    if model is not None:
        settings = absolute(changed(settings, {"model.name": model}))
    plan = Plan.of(sessions, error, latency_ms, seed) if truth else None
    replayed = Replayed(sessions, plan, at_once)
    page = asyncio.run(
        measure(settings, replayed, lambda what: typer.echo(f"{what} ...", err=True))
    )
    typer.echo(page.to_json() if as_json else page.to_text(), nl=as_json)


def _synthetic(
    folder: Path, languages: Sequence[str], count: int, seed: int, *, allow_private: bool
) -> tuple[Session, ...]:
    from dgls.lab.bench.typing.sessions import synthetic_sessions
    from dgls.lab.evaluation.cut import CODE, languages_of

    readable = may_read(folder, allow_private=allow_private)
    return synthetic_sessions(folder, count, seed, languages_of(languages) or CODE, readable)
