"""`dgls edit`: edit lines of a file as an instruction says, from the terminal."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dgls.cli.asking import ask, asker_of, path_shown, resolved_with
from dgls.cli.options import AsJson, Language
from dgls.cli.private import AllowPrivate, check_private
from dgls.cli.target import (
    STANDARD_INPUT,
    line_range,
    lines_of,
    parsed_source,
)
from dgls.errors import InputError, SourceFileError
from dgls.protocol import FillReply
from dgls.text.diff import unified
from dgls.text.spans import Edit, apply_edits


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command()(edit)


def edit(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE:FROM-TO",
            help="The lines to edit, from 1, the last one included; FILE:LINE is one line; - is "
            "standard input.",
        ),
    ],
    instruction: Annotated[
        str, typer.Argument(metavar="INSTRUCTION", help='Such as "add type hints".')
    ],
    diff: Annotated[
        bool, typer.Option("--diff", help="Print the difference, which is the default.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Apply the edit to the file.")] = False,
    as_json: AsJson = False,
    language: Language = None,
    model: Annotated[
        str | None,
        typer.Option(help="The model that edits; auto is the best one here (`edits.model`)."),
    ] = None,
    allow_private: AllowPrivate = False,
) -> None:
    """Edit lines as an instruction says, and print the difference."""
    from dgls.checkpoint.edit_model import edit_settings
    from dgls.config import changed
    from dgls.requests.instruction import InstructedEdit

    if instruction.startswith("-:"):
        # `dgls.cli.app` puts places in standard input last.
        target, instruction = instruction, target
    if diff and write:
        raise InputError("Give --diff or --write, one of the two; nothing was changed.")
    resolved = resolved_with(None)
    settings = resolved.settings
    name, first, last = line_range(target)
    if name != STANDARD_INPUT:
        check_private(Path(name), resolved, allow_private)
    if write:
        _check_writable(name)
    file, source = parsed_source(name, language)
    asked = InstructedEdit.of(source, lines_of(file.text, first, last), instruction, settings.fill)
    if model is not None:
        settings = changed(settings, {"edits.model": model})
    request = asked.request(asker_of(name, source, resolved, "edit"))
    reply = asyncio.run(ask(edit_settings(settings), request))
    if reply.note:
        typer.echo(f"dgls: {reply.note}", err=True)
    made = asked.edit(reply)
    after = apply_edits(file.text, [made])
    if write:
        file.write(after)
    shown = unified(path_shown(name) or "input", file.text, after)
    if as_json:
        typer.echo(_json(reply, made, shown, write))
    elif write:
        typer.echo(f"{name}: edited lines {first} to {last}.", err=True)
    else:
        typer.echo(shown, nl=False)
        if sys.stdout.isatty() and name != STANDARD_INPUT:
            typer.echo("dgls: the file is as it was; --write applies the edit.", err=True)


def _check_writable(name: str) -> None:
    if name == STANDARD_INPUT:
        raise InputError("Standard input cannot be written to; leave out --write.")
    if Path(name).exists() and not os.access(name, os.W_OK):
        raise SourceFileError(f"{name} is read-only; it was left as it was.")


def _json(reply: FillReply, made: Edit, shown: str, written: bool) -> str:
    fields = {
        "diff": shown,
        "edit": dataclasses.asdict(made),
        "model": reply.model,
        "tokens": reply.best.tokens,
        "passes": reply.passes,
        "timings": dataclasses.asdict(reply.timings),
        "written": written,
    }
    return json.dumps(fields, ensure_ascii=False)
