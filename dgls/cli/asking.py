"""Shared parts of verbs that ask a model: settings, the asker, and the call to the engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dgls.cli.target import STANDARD_INPUT
from dgls.protocol import FillReply, FillRequest, OnProgress, Snippet
from dgls.text.encodings import whole

if TYPE_CHECKING:
    from dgls.cli.watch import Watch
    from dgls.config import Resolved, Settings
    from dgls.requests.builder import Asker
    from dgls.syntax.source import Source


def resolved_with(model: str | None) -> Resolved:
    """The settings with the command line's model; wrong ones are reported and ignored."""
    from dgls.config import resolve

    given = {} if model is None else {"model.name": model}
    resolved = resolve(Path.cwd(), overrides=given)
    for message in resolved.messages:
        typer.echo(f"dgls: {message}", err=True)
    return resolved


def settings_when_explicit(resolved: Resolved, model: str | None) -> Settings:
    """The settings of the engine for explicit requests; the command line's model wins."""
    from dgls.config import explicit_settings

    return explicit_settings(resolved.settings) if model is None else resolved.settings


def path_shown(name: str) -> str:
    """The path for the model, as in its training data: relative to the project (working folder)."""
    if name == STANDARD_INPUT:
        return ""
    path = Path(name).resolve()
    folder = Path.cwd()
    shown = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
    return whole(shown)


def asker_of(name: str, source: Source, resolved: Resolved, method: str) -> Asker:
    """The command line as the asker about a file, with outlines of the file's imports."""
    from dgls.cli.private import readable
    from dgls.requests.builder import Asker
    from dgls.requests.neighbours import imported_outlines

    snippets: tuple[Snippet, ...] = ()
    if name != STANDARD_INPUT:
        path, roots = Path(name).resolve(), [Path.cwd()]
        may_read = readable(resolved, *roots, path.parent, allow=False)
        snippets = imported_outlines(source, path, roots, resolved.settings.context, may_read)
    return Asker("cli", method, path=path_shown(name), snippets=snippets)


async def ask(settings: Settings, request: FillRequest, watching: Watch | None = None) -> FillReply:
    """The engine's reply; at a terminal, the reason for a wait is shown."""
    from dgls.client import EngineClient

    client = EngineClient(settings)
    try:
        await client.wait_ready(loading())
        return await client.fill(request, watching.draft if watching else None)
    finally:
        await client.close()


def loading() -> OnProgress | None:
    """Shows the reason for a wait at a terminal; None if the output is not a terminal."""
    if not sys.stderr.isatty():
        return None
    told: set[str] = set()

    def tell(share: float, what: str) -> None:
        if what not in told:
            told.add(what)
            typer.echo(f"dgls: {what or 'starting the engine'} ({share:.0%})", err=True)

    return tell
