"""`dgls fill`: fill the gap at a place of a file, from the terminal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.checkpoint.automatic_model import AUTO, offer
from dgls.cli.asking import ask, asker_of, resolved_with, settings_when_explicit
from dgls.cli.job import Asked, Job, job_of
from dgls.cli.options import AsJson, Language, ModelName
from dgls.cli.private import AllowPrivate, check_readable
from dgls.cli.target import STANDARD_INPUT, parse_target
from dgls.errors import InputError
from dgls.protocol import Fill, FillReply

if TYPE_CHECKING:
    from dgls.cli.watch import Watch
    from dgls.config import Settings

_NOTHING = "The model has no text that fits here{}; dgls why FILE:LINE:COL shows what it tried."
_BETTER = " and is better than the present text"

_Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE:LINE:COL",
        help="Lines and columns count from 1. FILE:LINE is the hole in which the line ends, "
        "or else "
        "the end of the line; - is standard input. Several places in one file are filled "
        "together.",
    ),
]
_Selections = Annotated[
    list[str] | None,
    typer.Option(help="Replace the range L:C-L:C of FILE; repeatable.", metavar="L:C-L:C"),
]
_Strength = Annotated[
    float, typer.Option(min=0.05, max=1.0, help="Noise on a selection; 1 rewrites all of it.")
]
_Lines = Annotated[
    int | None,
    typer.Option(min=1, max=100, help="Maximum number of lines. By default 1, or 10 for a hole."),
]
_Write = Annotated[bool, typer.Option("--write", help="Apply the fill to the file.")]
_Watch = Annotated[bool, typer.Option("--watch", help="Show each draft.")]
_Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the noise.")]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(fill)


def fill(
    target: _Targets,
    select: _Selections = None,
    strength: _Strength = 1.0,
    lines: _Lines = None,
    write: _Write = False,
    watch: _Watch = False,
    as_json: AsJson = False,
    language: Language = None,
    model: ModelName = None,
    seed: _Seed = 0,
    allow_private: AllowPrivate = False,
) -> None:
    """Fill the gap at a place in a file, and print the fill."""
    from dgls.requests.builder import limits_of

    resolved = resolved_with(model)
    settings = settings_when_explicit(resolved, model)
    for name in {parse_target(each).file for each in target} - {STANDARD_INPUT}:
        check_readable(Path(name), resolved, allow=allow_private)
    if write and any(parse_target(each).file == STANDARD_INPUT for each in target):
        raise InputError(
            "dgls cannot write to standard input. Nothing was filled; leave out --write."
        )
    job = job_of(Asked(target, select or [], lines, strength, language), settings.fill)
    asker = dataclasses.replace(asker_of(job.file.name, job.source, resolved, "fill"), seed=seed)
    watching = _watch(job) if watch and not as_json else None
    request = job.task.request(asker, limits_of(settings.fill))
    reply = asyncio.run(ask(settings, request, watching))
    _note(reply, settings)
    sound = job.sound(reply.candidates, reply.present)
    best = sound[0] if sound else job.nothing(reply.candidates)
    if write:
        job.write(best)
    if as_json:
        kept = dataclasses.replace(reply, candidates=sound)
        typer.echo(_json(job, kept, best, written=write))
        return
    if watching is not None:
        watching.finish(best, reply)
    else:
        typer.echo("\n".join(best.texts))
    _tell(job, best, written=write)


def _watch(job: Job) -> Watch:
    from dgls.cli.watch import Watch

    return Watch(job.task.context)


def _note(reply: FillReply, settings: Settings) -> None:
    """Print the reply's note and, at a terminal, how to get a better model."""
    if settings.model.name == AUTO and sys.stderr.isatty() and (better := offer()):
        typer.echo(f"dgls: {better}", err=True)
    if reply.note:
        typer.echo(f"dgls: {reply.note}", err=True)


def _tell(job: Job, best: Fill, *, written: bool) -> None:
    """Print messages apart from the text: that there is none, and what was written."""
    if not any(best.texts):
        holds_text = any(job.task.context.gaps)
        typer.echo(f"dgls: {_NOTHING.format(_BETTER if holds_text else '')}", err=True)
    if written:
        typer.echo(f"{job.file.name}: filled {len(job.works)} of {len(job.works)}.", err=True)


def _json(job: Job, reply: FillReply, best: Fill, *, written: bool) -> str:
    fields = dataclasses.asdict(reply)
    fields["best"] = dataclasses.asdict(best)
    fields["gaps"] = [
        {**dataclasses.asdict(work.span), "lead": work.lead, "tail": work.tail}
        for work in job.works
    ]
    fields["written"] = written
    return json.dumps(fields, ensure_ascii=False)
