"""`dgls eval edits` and `instructions`: what is offered after an edit, what an instruction does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dgls.cli.eval.options import Device
from dgls.cli.options import AsJson, ModelName


def edits(
    sessions: Annotated[
        Path | None, typer.Option(help="A folder of sessions, such as fixtures/edits.")
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(help="A source archive of one package; repeatable, in the order of release."),
    ] = None,
    careful: Annotated[
        bool, typer.Option(help="Measure the baseline instead: simple, careful rules.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Also print the figures of each package.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure what dgls offers after an edit: in small sessions, and in retyped releases."""
    from dgls.edits.ripple import ripple
    from dgls.errors import InputError
    from dgls.lab.evaluation.edits import careful as baseline
    from dgls.lab.evaluation.edits import report
    from dgls.lab.evaluation.edits.pairs import Tally, changed_files, replay
    from dgls.lab.evaluation.edits.sessions import judged, read_sessions

    system, name = (baseline.careful, "careful") if careful else (ripple, "ripple")
    if sessions is None and not archive:
        raise InputError("Nothing was measured. Give --sessions or --archive.")
    verdicts = None
    if sessions is not None:
        verdicts = [judged(each, system) for each in read_sessions(sessions)]
    packages: dict[str, list[Path]] = {}
    for each in archive or ():
        packages.setdefault(each.name.rpartition("-")[0].lower(), []).append(each)
    tallies: dict[str, Tally] = {}
    for package, archives in packages.items():
        tallies[package] = Tally()
        for changed in changed_files(archives):
            replay(changed, system, tallies[package])
    write = report.to_json if as_json else report.to_text
    typer.echo(write(name, verdicts, tallies, verbose=verbose))


def instructions(
    cases: Annotated[Path, typer.Argument(help="A folder of edits by instruction.")] = Path(
        "fixtures/instructions"
    ),
    model: ModelName = None,
    device: Device = None,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 lets torch choose.")] = 0,
    verbose: Annotated[bool, typer.Option(help="Print each case when it is done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure edits by instruction: which parse, which keep the rest, which pass their tests.

    The model's code is run, with limits. Small models are measured too.
    """
    from dgls.errors import InputError
    from dgls.lab.evaluation.instructions.cases import read_cases
    from dgls.lab.evaluation.instructions.report import of_one, to_json, to_text
    from dgls.lab.evaluation.instructions.run import judged
    from dgls.lab.evaluation.instructions.system import open_editor

    found, missing = read_cases(cases)
    if not found:
        raise InputError(f"{cases} has no cases; nothing was measured.")
    name, ask = open_editor(model, device or "auto", threads)
    verdicts = []
    for verdict in judged(found, ask):
        verdicts.append(verdict)
        if verbose:
            typer.echo(of_one(verdict), err=True)
    typer.echo((to_json if as_json else to_text)(name, verdicts, missing))
