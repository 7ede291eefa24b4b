"""`dgls eval faults`: answers that break code, and silence where an answer is due."""

from __future__ import annotations

from typing import Annotated

import typer

from dgls.cli.eval.options import Device, progress
from dgls.cli.options import AsJson, ModelName
from dgls.errors import InputError

Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Try only the cases of this kind, such as `brackets`. Repeatable."),
]


def faults(
    model: ModelName = None,
    device: Device = None,
    kind: Kinds = None,
    as_json: AsJson = False,
) -> None:
    """Look for answers that break code, and for silence where an answer is due.

    Without --model it tries the rules on given answers. Exits with 1 if a case fails.
    """
    if device is not None and model is None:
        raise InputError("--device needs --model; nothing was tried.")
    from dgls.lab.evaluation.faults.cases import fault_cases, kinds_named
    from dgls.lab.evaluation.faults.run import run_faults

    cases = fault_cases(kinds_named(kind or ()))
    with progress(len(cases)) as on_done:
        report = run_faults(cases, model, device, on_done)
    typer.echo(report.to_json() if as_json else report.to_text())
    if report.faults:
        raise typer.Exit(1)
