"""`dgls eval`: how good the model is, beside baselines, on the same tasks."""

from __future__ import annotations

import typer

from dgls.cli.eval.calibrating import calibrate
from dgls.cli.eval.edits import edits, instructions
from dgls.cli.eval.faults import faults
from dgls.cli.eval.tasks import cut, humaneval
from dgls.cli.eval.typing import typing


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    evaluate = typer.Typer(no_args_is_help=True, help="Measure how good the fills are.")
    evaluate.callback()(_eval)
    for verb in (humaneval, cut, calibrate, typing, faults, edits, instructions):
        evaluate.command()(verb)
    app.add_typer(evaluate, name="eval")


def _eval() -> None:
    """Measure how good the fills are."""
