"""`dgls eval humaneval` and `cut`: how often each system fills a task right, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.eval.options import Count, Device, Languages, Out, Seed, Systems, may_read, progress
from dgls.cli.options import AsJson, ModelName
from dgls.cli.private import AllowPrivate, keep_files_private

if TYPE_CHECKING:
    from dgls.lab.evaluation.cases import Case
    from dgls.lab.evaluation.runner import Plan, Series
    from dgls.lab.evaluation.systems import System


def humaneval(
    file: Annotated[Path, typer.Argument(help="A HumanEval-Infilling file (JSONL or JSONL.GZ).")],
    count: Count = None,
    seed: Seed = 0,
    system: Systems = None,
    model: ModelName = None,
    device: Device = None,
    out: Out = None,
    execute: Annotated[
        bool, typer.Option(help="Run the tests on the fills, in child processes with limits.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill the tasks of HumanEval-Infilling."""
    from dgls.lab.evaluation.cases import humaneval_cases, sample
    from dgls.lab.evaluation.choose import chosen_systems

    cases = sample(humaneval_cases(file), count, seed)
    systems = chosen_systems(system, model, device)
    suite = f"HumanEval-Infilling, {file.name}"
    _measure(suite, cases, systems, seed=seed, out=out, execute=execute, as_json=as_json)


def cut(
    folder: Annotated[Path, typer.Argument(help="A folder with source code, such as your own.")],
    count: Count = 300,
    seed: Seed = 0,
    language: Languages = None,
    system: Systems = None,
    model: ModelName = None,
    device: Device = None,
    out: Out = None,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Fill gaps cut out of a source tree: lines, bodies, arguments, random spans."""
    from dgls.lab.evaluation.choose import chosen_systems
    from dgls.lab.evaluation.cut import Files, cut_cases, languages_of

    files = Files(languages_of(language or ()), may_read(folder, allow_private=allow_private))
    cases = cut_cases(folder, count or 300, seed, files=files)
    systems = chosen_systems(system, model, device)
    suite = f"Gaps cut from {folder.resolve().name}"
    _measure(suite, cases, systems, seed=seed, out=out, execute=False, as_json=as_json)


def _measure(
    suite: str,
    cases: Sequence[Case],
    systems: Sequence[System],
    *,
    seed: int,
    out: Path | None,
    execute: bool,
    as_json: bool,
) -> None:
    from dgls.lab.bench.machine import machine
    from dgls.lab.evaluation.answers import Answers, Verdicts
    from dgls.lab.evaluation.findings import About
    from dgls.lab.evaluation.markdown import main_table, to_markdown
    from dgls.lab.evaluation.report import build_report
    from dgls.lab.evaluation.runner import Plan

    folder = _folder(out)
    keep_files_private(folder.iterdir() if folder else ())
    verdicts = Verdicts(folder) if execute else None
    plan = Plan(tuple(cases), tuple(systems), Answers(folder), verdicts)
    series = _run(plan)
    about = About(suite, len(cases), seed, execute, _first_machine(folder, machine()))
    names = [system.name for system in systems]
    report = build_report(about, series, "dgls" if "dgls" in names else names[-1])
    typer.echo(report.to_json() if as_json else main_table(report))
    if folder is not None:
        (folder / "report.md").write_text(to_markdown(report), encoding="utf-8")
        (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
        said = f"\nThe full report is in {folder / 'report.md'} and {folder / 'report.json'}."
        typer.echo(said, err=as_json)


def _run(plan: Plan) -> tuple[Series, ...]:
    from dgls.lab.evaluation.runner import run

    total = len(plan.systems) * len(plan.cases) * (2 if plan.verdicts else 1)
    with progress(total) as on_done:
        return run(plan, on_done)


def _folder(out: Path | None) -> Path | None:
    from dgls.errors import InputError

    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"dgls cannot write the results to {out} ({error.strerror}); nothing was measured."
        ) from error
    for path in out.iterdir():
        if path.is_symlink():
            raise InputError(
                f"{path} is a link, and dgls does not write through links; nothing was measured. "
                "Choose another --out."
            )
    return out


def _first_machine(folder: Path | None, now: str) -> str:
    """The machine and date of the run that began in this folder, so that a resumed one agrees."""
    if folder is None:
        return now
    kept = folder / "machine.txt"
    if not kept.is_file():
        kept.write_text(now + "\n", encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()
