"""`dgls edit`: edit lines of a file as an instruction says, from the terminal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.asking import ask, asker_of, path_shown, resolved_with
from dgls.cli.options import AsJson, Language
from dgls.cli.private import AllowPrivate, check_readable
from dgls.cli.target import STANDARD_INPUT, line_range, lines_of, parsed_source
from dgls.errors import InputError, SourceFileError
from dgls.protocol import FillReply
from dgls.text.diff import unified
from dgls.text.spans import Edit, apply_edits

if TYPE_CHECKING:
    from dgls.config import Resolved, Settings


_Lines = Annotated[
    str,
    typer.Argument(
        metavar="FILE:FROM-TO",
        help="The lines to edit, counted from 1, including the last; FILE:LINE is one line; - is "
        "standard input.",
    ),
]
_Instruction = Annotated[
    str, typer.Argument(metavar="INSTRUCTION", help='Such as "add type hints".')
]
_Diff = Annotated[bool, typer.Option("--diff", help="Print the diff (the default).")]
_Write = Annotated[bool, typer.Option("--write", help="Apply the edit to the file.")]
_EditModel = Annotated[
    str | None,
    typer.Option(help="The model that edits; by default `edits.model`."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(edit)


def edit(
    target: _Lines,
    instruction: _Instruction,
    diff: _Diff = False,
    write: _Write = False,
    as_json: AsJson = False,
    language: Language = None,
    model: _EditModel = None,
    allow_private: AllowPrivate = False,
) -> None:
    """Edit lines by an instruction, and print the diff."""
    from dgls.requests.instruction import InstructedEdit

    if instruction.startswith("-:"):
        # `dgls.cli.app` moves places in standard input to the end.
        target, instruction = instruction, target
    if diff and write:
        raise InputError("Give either --diff or --write, not both. Nothing was changed.")
    resolved = resolved_with(None)
    name, first, last = line_range(target)
    _check(name, resolved, write=write, allow_private=allow_private)
    file, source = parsed_source(name, language)
    lines, settings = lines_of(file.text, first, last), resolved.settings
    task = InstructedEdit.of(source, lines, instruction, settings.fill)
    request = task.request(asker_of(name, source, resolved, "edit"))
    reply = asyncio.run(ask(_with_model(settings, model), request))
    if reply.note:
        typer.echo(f"dgls: {reply.note}", err=True)
    made = task.edit(reply)
    after = apply_edits(file.text, [made])
    difference = unified(path_shown(name) or "input", file.text, after)
    if write:
        file.write(after)
    if as_json:
        typer.echo(_json(reply, made, difference, written=write))
        return
    shown = f"{name}: edited lines {first} to {last}.\n" if write else difference
    typer.echo(shown, nl=False, err=write)
    if not write and sys.stdout.isatty() and name != STANDARD_INPUT:
        typer.echo("dgls: the file was not changed; --write applies the edit.", err=True)


def _with_model(settings: Settings, model: str | None) -> Settings:
    """The settings for editing with the command line's model, or with the default one."""
    from dgls.checkpoint.edit_model import edit_settings
    from dgls.config import changed

    wanted = settings if model is None else changed(settings, {"edits.model": model})
    return edit_settings(wanted)


def _check(name: str, resolved: Resolved, *, write: bool, allow_private: bool) -> None:
    """Raise `DglsError` for a file that may not be read or, with `write`, not be written."""
    if name == STANDARD_INPUT:
        if write:
            raise InputError(
                "dgls cannot write to standard input. Nothing was changed; leave out --write."
            )
        return
    check_readable(Path(name), resolved, allow=allow_private)
    if write and Path(name).exists() and not os.access(name, os.W_OK):
        raise SourceFileError(f"{name} is read-only; it was not changed.")


def _json(reply: FillReply, made: Edit, difference: str, *, written: bool) -> str:
    fields = {
        "diff": difference,
        "edit": dataclasses.asdict(made),
        "model": reply.model,
        "tokens": reply.best.tokens,
        "passes": reply.passes,
        "timings": dataclasses.asdict(reply.timings),
        "written": written,
    }
    return json.dumps(fields, ensure_ascii=False)
