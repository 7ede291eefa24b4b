"""All verbs but `lsp`, gathered from their files. A verb imports what is heavy when it runs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer

from dgls.errors import DglsError

VERBS = ("fill", "train", "eval", "bench", "serve")


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
        result = app(args=list(arguments), standalone_mode=False)
    except DglsError as error:
        print(f"dgls: {error}", file=sys.stderr)
        return error.exit_status
    return result if isinstance(result, int) else 0


def _root() -> None:
    """Fills code in where the cursor is, with a diffusion model on this machine."""
