"""`dgls model`: the models that can be fetched, and those that are here."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dgls.checkpoint.catalogue import size_text
from dgls.checkpoint.files import CONVERTED
from dgls.cli.main import INTERRUPTED
from dgls.cli.options import AsJson
from dgls.errors import ModelError, ModelFetchError, ModelNotFoundError
from dgls.files import expanded

if TYPE_CHECKING:
    from dgls.checkpoint.catalogue import Entry
    from dgls.checkpoint.fetch.source import Source
    from dgls.cli.fetch_progress import Bar, Lines

_SIGNALLED = 128

_Name = Annotated[str, typer.Argument(help="A name that `dgls model list` shows.")]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verbs = typer.Typer(no_args_is_help=True)
    verbs.command("list")(show)
    verbs.command()(get)
    verbs.command()(remove)
    verbs.command()(path)
    app.add_typer(verbs, name="model", help="List, fetch, find and remove models.")


def show(as_json: AsJson = False) -> None:
    """List the models: size, licence, origin, which you have and which fit this machine."""
    from dgls.checkpoint.catalogue import catalogue
    from dgls.doctor.machine import look_at_machine

    free = look_at_machine().available
    rows = [_row(entry, free) for entry in catalogue()]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _show_table(rows)


def get(
    name: _Name,
    given: Annotated[
        Path | None, typer.Option("--from", help="A file that you already have; it is only read.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read a fetched model again and check its hash.")
    ] = False,
) -> None:
    """Fetch a model, check its hash, and print where it is. Resumes if interrupted."""
    from dgls.checkpoint.catalogue import entry_named
    from dgls.checkpoint.fetch.get import get as fetch
    from dgls.cli.fetch_progress import progress_for_stderr

    entry = entry_named(name)
    _end_in_order()
    typer.echo(_described(entry), err=True)
    try:
        progress = progress_for_stderr()
        place = fetch(entry, _sources(given), progress, verify=verify)
        _prepare(entry, progress)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted; dgls model get {name} resumes where it stopped.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(place)


def remove(
    name: _Name,
    force: Annotated[
        bool, typer.Option("--force", help="Remove it even if an engine may be using it.")
    ] = False,
) -> None:
    """Remove a model and the files converted from it."""
    from dgls.checkpoint.catalogue import entry_named
    from dgls.checkpoint.writing import remove as take_away
    from dgls.cli.model_in_use import why_in_use

    entry = entry_named(name)
    reason = "" if force else why_in_use(entry)
    if reason:
        raise ModelFetchError(
            f"{reason}; nothing was removed. Stop the engine with dgls serve --stop --all, or "
            "remove the model anyway with --force."
        )
    freed = take_away(entry)
    typer.echo(f"Removed {name} and freed {size_text(freed)}.")


def path(name: _Name) -> None:
    """Print where a model is. Exits with 6 if it is not on this machine."""
    from dgls.checkpoint.catalogue import entry_named
    from dgls.checkpoint.store import path_of

    place = path_of(entry_named(name).name)
    if place is None:
        raise ModelNotFoundError(
            f"{name} is not on this machine; fetch it with: dgls model get {name}"
        )
    typer.echo(place)


def _prepare(entry: Entry, progress: Bar | Lines) -> None:
    """Convert the model now, because the user waits anyway; an editor does not show that wait."""
    from dgls.checkpoint.store import folder_of

    if any(CONVERTED in file.name for file in folder_of(entry).iterdir()):
        return
    from dgls.fill.open_filler import prepare

    progress.begin_percent("converting it for this machine, once")
    try:
        prepare(entry.name, lambda share, what: progress.at(round(100 * share)))
    except ModelError as error:
        progress.say(
            "It could not be converted for this machine yet; the first fill will try again. "
            f"{error}"
        )
    finally:
        progress.end()


def _end_in_order() -> None:
    """Turn signals that end the process into exceptions, so that pip ends too."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(_SIGNALLED + number))


def _sources(given: Path | None) -> list[Source]:
    """The sources of a model, in order; a given file is the only one."""
    from dgls.checkpoint.fetch.given import GivenFile
    from dgls.checkpoint.fetch.hub import Hub
    from dgls.checkpoint.fetch.hub_cache import HubCache
    from dgls.checkpoint.fetch.index_parts import IndexParts

    if given is not None:
        # A user who names a file does not want half a GB fetched if the file is the wrong one.
        return [GivenFile(expanded(given))]
    return [HubCache(), Hub(), IndexParts()]


def _row(entry: Entry, memory_free: int) -> dict[str, Any]:
    from dgls.checkpoint.machine_fit import fit_of
    from dgls.checkpoint.store import partial_bytes, path_of

    place, fit = path_of(entry.name), fit_of(entry, memory_free)
    return {
        "name": entry.name,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "publisher": entry.publisher,
        "repository": entry.repository,
        "revision": entry.revision,
        "sha256": entry.sha256 or None,
        "path": None if place is None else str(place),
        "partial_bytes": partial_bytes(entry),
        "memory": fit.memory,
        "disk": fit.disk,
        "fits": fit.fits,
        "problem": fit.problem,
    }


def _show_table(rows: list[dict[str, Any]]) -> None:
    """Two lines per model: what it is and whether it is here; its publisher and whether it fits."""
    for row in rows:
        size = f"{'' if row['sha256'] else 'about '}{size_text(row['bytes'])}"
        typer.echo(f"{row['name']:<29}{size:<14}{row['licence']:<12}{_here(row)}")
        origin = f"{row['repository']} at {_short(row['revision'])}"
        origin += "" if row["sha256"] else ", hash not pinned"
        fits = "fits this machine" if row["fits"] else f"does not fit: {row['problem']}"
        typer.echo(f"    {origin}; {size_text(row['memory'])} of memory, {fits}")
    typer.echo("Fetch one with: dgls model get NAME", err=True)


def _here(row: dict[str, Any]) -> str:
    if row["path"] is not None:
        return "here"
    partial = row["partial_bytes"]
    return f"{size_text(partial)} of it fetched" if partial else "not fetched"


def _described(entry: Entry) -> str:
    origin = f"{entry.repository} at {_short(entry.revision)}"
    proof = "checked by SHA-256" if entry.is_pinned else "checked by the hub's own hash"
    return (
        f"{entry.name}: {size_text(entry.bytes)}, {entry.licence}, "
        f"published by {entry.publisher} as {origin}; {proof}."
    )


def _short(revision: str) -> str:
    return revision[:12]
