"""`dgls fill`: fill the gap at a place of a file, from the terminal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.checkpoint.automatic_model import AUTO, offer
from dgls.cli.asking import ask, asker_of, resolved_with, settings_when_explicit
from dgls.cli.options import AsJson, Language, ModelName
from dgls.cli.private import AllowPrivate, check_readable
from dgls.cli.target import (
    STANDARD_INPUT,
    SourceFile,
    cursor,
    parse_target,
    parsed_source,
    selection,
)
from dgls.errors import InputError
from dgls.protocol import Fill, FillReply
from dgls.text.spans import Edit, Span, apply_edits

if TYPE_CHECKING:
    from dgls.cli.watch import Watch
    from dgls.config import FillSettings, Settings
    from dgls.requests.builder import Task
    from dgls.syntax.source import Source

_NOTHING = "The model has nothing that fits here{}; dgls why FILE:LINE:COL tells what it tried."
_BETTER = " and is better than what is there"

_Targets = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE:LINE:COL",
        help="Lines and columns count from 1; FILE:LINE is the line's end; - is "
        "standard input. Several places of one file are filled together.",
    ),
]
_Selections = Annotated[
    list[str] | None,
    typer.Option(help="Refill a range L:C-L:C of FILE; repeatable.", metavar="L:C-L:C"),
]
_Strength = Annotated[
    float, typer.Option(min=0.05, max=1.0, help="Noise on a selection: 1 rewrites it.")
]
_Lines = Annotated[int, typer.Option(min=1, max=100, help="Most lines of a fill.")]
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
    lines: _Lines = 1,
    write: _Write = False,
    watch: _Watch = False,
    as_json: AsJson = False,
    language: Language = None,
    model: ModelName = None,
    seed: _Seed = 0,
    allow_private: AllowPrivate = False,
) -> None:
    """Fill the gap at a place of a file and print it."""
    from dgls.requests.builder import limits_of

    resolved = resolved_with(model)
    settings = settings_when_explicit(resolved, model)
    for name in {parse_target(each).file for each in target} - {STANDARD_INPUT}:
        check_readable(Path(name), resolved, allow=allow_private)
    job = _job(target, select or [], language, lines, strength, settings.fill, write=write)
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


def _watch(job: _Job) -> Watch:
    from dgls.cli.watch import Watch

    return Watch(job.task.context)


def _note(reply: FillReply, settings: Settings) -> None:
    """Say what the reply says of itself, and to a person how to get a better model."""
    if settings.model.name == AUTO and sys.stderr.isatty() and (better := offer()):
        typer.echo(f"dgls: {better}", err=True)
    if reply.note:
        typer.echo(f"dgls: {reply.note}", err=True)


def _tell(job: _Job, best: Fill, *, written: bool) -> None:
    """Say, apart from the text, where there is none and what was written."""
    if not any(best.texts):
        holds_text = any(job.task.context.gaps)
        typer.echo(f"dgls: {_NOTHING.format(_BETTER if holds_text else '')}", err=True)
    if written:
        typer.echo(f"{job.file.name}: filled {len(job.gaps)} of {len(job.gaps)}.", err=True)


@dataclass(frozen=True)
class _Job:
    """What the command line asks for: the gaps of one file, in order, and what is around them."""

    file: SourceFile
    task: Task

    @property
    def source(self) -> Source:
        return self.task.source

    @property
    def gaps(self) -> tuple[Span, ...]:
        return self.task.gaps

    def sound(self, candidates: Sequence[Fill], present: float | None) -> tuple[Fill, ...]:
        """The candidates of which something sound is left in every gap, likeliest first.

        Their texts are what is left of them. `present` is the score of what the gap holds now,
        which a rewrite must exceed.
        """
        from dgls.sound.gaps import sound_texts
        from dgls.sound.site import Purpose, Wanted

        context = self.task.context
        wanted = [
            Wanted(Purpose.REWRITE if text.strip() else Purpose.EXPLICIT, lines, present)
            for text, lines in zip(context.gaps, self.task.lines, strict=True)
        ]
        found: dict[tuple[str, ...], Fill] = {}
        for fill in candidates:
            texts = sound_texts(self.source, self.gaps, wanted, fill.texts, fill.score)
            if texts is not None:
                found.setdefault(texts, dataclasses.replace(fill, texts=texts))
        return tuple(found.values())

    def nothing(self, candidates: Sequence[Fill]) -> Fill:
        """The best fill where no candidate is sound: empty texts."""
        return dataclasses.replace(candidates[0], texts=("",) * len(self.gaps), confidence=0.0)

    def write(self, fill: Fill) -> None:
        """Put the texts into the file. Raises `InputError` where all are empty."""
        if not any(fill.texts):
            raise InputError(
                f"The model has no fill that fits here; {self.file.name} was left as it was. "
                f"Try other places, more --lines or another --seed."
            )
        edits = [
            Edit(gap, self.task.context.for_document(text))
            for gap, text in zip(self.gaps, fill.texts, strict=True)
        ]
        self.file.write(apply_edits(self.source.text, edits))


def _job(
    arguments: Sequence[str],
    selections: Sequence[str],
    language: str | None,
    lines: int,
    strength: float,
    costs: FillSettings,
    *,
    write: bool,
) -> _Job:
    from dgls.requests.builder import Task, budget_of

    targets = [parse_target(argument) for argument in arguments]
    names = {target.file for target in targets}
    if len(names) > 1:
        raise InputError("All places must be in one file; nothing was filled.")
    name = names.pop()
    if name == STANDARD_INPUT and write:
        raise InputError("Standard input cannot be written to; leave out --write.")
    file, source = parsed_source(name, language)
    places = [target for target in targets if target.line is not None or not selections]
    gaps = [cursor(target, file.text) for target in places]
    gaps += [selection(each, file.text) for each in selections]
    return _Job(
        file,
        Task.at(source, sorted(gaps), budget_of(costs), lines=lines, strength=strength),
    )


def _json(job: _Job, reply: FillReply, best: Fill, *, written: bool) -> str:
    fields = dataclasses.asdict(reply)
    fields["best"] = dataclasses.asdict(best)
    fields["gaps"] = [dataclasses.asdict(gap) for gap in job.gaps]
    fields["written"] = written
    return json.dumps(fields, ensure_ascii=False)
