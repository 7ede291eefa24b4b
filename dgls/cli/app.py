"""All verbs but `lsp`, gathered from their files. A verb imports what is heavy when it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from dgls import __version__
from dgls.errors import DglsError

VERBS = ("fill", "model", "train", "eval", "bench", "serve", "stats", "doctor")


def run_app(arguments: Sequence[str]) -> int:
    """Run one verb and return its exit status (`DglsError.exit_status` for errors on purpose)."""
    app = typer.Typer(
        name="dgls",
        help="Fills code in where the cursor is, with a diffusion model on this machine.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    # A known verb needs no other one's file; help and mistakes list them all.
    for verb in [verb for verb in VERBS if verb in arguments[:1]] or VERBS:
        importlib.import_module(f"dgls.cli.{verb}").register(app)
    try:
        app(args=_with_places_last(arguments))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except DglsError as error:
        print(f"dgls: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def _with_places_last(arguments: Sequence[str]) -> list[str]:
    """Places in standard input (`-:3:5`) behind a `--`, or they would be taken for options."""
    places = [argument for argument in arguments if argument.startswith("-:")]
    others = [argument for argument in arguments if not argument.startswith("-:")]
    return [*others, "--", *places] if places and "--" not in others else list(arguments)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"dgls {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    "--version", callback=_show_version, is_eager=True, help="Show the version."
)


def _root(version: Annotated[bool, _VERSION] = False) -> None:
    """Fills code in where the cursor is, with a diffusion model on this machine."""
