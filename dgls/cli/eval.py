"""`dgls eval`: how good the model is, beside baselines, on the same tasks."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.private import AllowPrivate, MayRead, keep_files_private, readable

if TYPE_CHECKING:
    from dgls.checkpoint.named import Named
    from dgls.lab.evaluation.cases import Case
    from dgls.lab.evaluation.confidence import Shown
    from dgls.lab.evaluation.runner import OnDone, Plan, Series
    from dgls.lab.evaluation.systems import System

Count = Annotated[int | None, typer.Option(min=1, max=1_000_000, help="At most this many cases.")]
Seed = Annotated[
    int,
    typer.Option(
        min=-(2**62), max=2**62, help="Chooses the cases; the same seed, the same numbers."
    ),
]
Systems = Annotated[
    list[str] | None,
    typer.Option(
        "--system",
        help="nothing, copy, causal, greedy, revised, noise, dgls, or infill=URL for a "
        "llama.cpp server; repeatable. "
        "All but greedy and revised where none is given.",
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(help="`embedded`, a folder (./... or absolute), or a cached model's name."),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder for the reports and all answers; a second run goes on there."),
]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Cut from this language alone; repeatable, each then comes equally often. `all` is "
        "every one. Without it: all but Markdown, HTML, CSS, SQL, YAML, TOML and JSON.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    evaluate = typer.Typer(no_args_is_help=True, help="Measure how good the fills are.")
    evaluate.callback()(_eval)
    evaluate.command()(humaneval)
    evaluate.command()(cut)
    evaluate.command()(calibrate)
    evaluate.command()(typing)
    evaluate.command()(faults)
    evaluate.command()(edits)
    evaluate.command()(instructions)
    app.add_typer(evaluate, name="eval")


def _eval() -> None:
    """Measure how good the fills are."""


def humaneval(
    file: Annotated[Path, typer.Argument(help="A HumanEval-Infilling file (JSONL or JSONL.GZ).")],
    count: Count = None,
    seed: Seed = 0,
    system: Systems = None,
    model: ModelName = None,
    device: Device = None,
    out: Out = None,
    execute: Annotated[
        bool, typer.Option(help="Run the fills with the tests, in child processes with limits.")
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
    folder: Annotated[Path, typer.Argument(help="A folder with source, such as your own.")],
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
    """Fill gaps that are cut out of a source tree: lines, bodies, arguments, random spans."""
    from dgls.lab.evaluation.choose import chosen_systems
    from dgls.lab.evaluation.cut import cut_cases, languages_of

    cases = cut_cases(
        folder,
        count or 300,
        seed,
        languages=languages_of(language or ()),
        may_read=_may_read(allow_private),
    )
    systems = chosen_systems(system, model, device)
    suite = f"Gaps cut from {folder.resolve().name}"
    _measure(suite, cases, systems, seed=seed, out=out, execute=False, as_json=as_json)


def calibrate(
    checkpoint: Annotated[str, typer.Argument(help="The checkpoint folder to write into.")],
    tree: Annotated[
        list[Path],
        typer.Option(help="Source that is neither trained on nor evaluated on; repeatable."),
    ],
    count: Annotated[int, typer.Option(min=10, help="Gaps to cut from each tree.")] = 1000,
    seed: Seed = 0,
    device: Device = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write the confidence of a laptop model.")
    ] = None,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Fit the confidence and the threshold from which a fill is shown."""
    from dgls.checkpoint.named import resolved

    named = resolved(checkpoint)
    may_read = _may_read(allow_private)
    if named.causal:
        done = _calibrate_causal(named, tree, count, seed, device, out, may_read)
    else:
        done = _calibrate_checkpoint(checkpoint, tree, count, seed, device, may_read)
    typer.echo(json.dumps(done.figures, indent=2) if as_json else done.text)


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """What a calibration came to, for programs and for a person."""

    figures: dict[str, object]
    text: str


def _calibrate_causal(
    named: Named,
    trees: list[Path],
    count: int,
    seed: int,
    device: str | None,
    out: Path | None,
    may_read: MayRead,
) -> _Calibrated:
    from dgls.fill.confidence import FILE
    from dgls.fill.opening import open_causal
    from dgls.fill.running import CausalStrategy
    from dgls.lab.evaluation.causal_calibration import fit, judge
    from dgls.lab.evaluation.cut import cut_cases
    from dgls.syntax.cursor import Budget

    cases = [case for tree in trees for case in cut_cases(tree, count, seed, may_read=may_read)]
    filler = open_causal(named, device or "auto")
    judged = []
    with _progress(len(cases)) as on_done:
        for each in judge(filler, cases, Budget()):
            judged.append(each)
            on_done("dgls", 1)
    fitted = fit(judged, CausalStrategy(), ", ".join(tree.resolve().name for tree in trees))
    folder = named.path.parent if named.path.is_file() else named.path
    place = out or folder / FILE
    place.write_text(fitted.confidence.to_json(), encoding="utf-8")
    figures = {"file": str(place), "cases": fitted.cases, "exact": fitted.exact}
    said = f"{place}: fitted on {fitted.cases} gaps, {fitted.exact:.1%} of them filled right."
    return _Calibrated(
        {**figures, "shown": _shown_json(fitted.shown)}, f"{said}\n{_shown(fitted.shown)}"
    )


def _calibrate_checkpoint(
    checkpoint: str,
    trees: list[Path],
    count: int,
    seed: int,
    device: str | None,
    may_read: MayRead,
) -> _Calibrated:
    from dgls.checkpoint.registry import find
    from dgls.lab.evaluation.calibrate import calibrate as fit_checkpoint
    from dgls.lab.evaluation.calibration import SHOWN_KINDS
    from dgls.lab.evaluation.cut import cut_cases

    folder = find(checkpoint)
    cut = partial(cut_cases, count=count, seed=seed, kinds=SHOWN_KINDS, may_read=may_read)
    cases = [case for tree in trees for case in cut(tree)]
    names = ", ".join(tree.resolve().name for tree in trees)
    with _progress(len(cases)) as on_done:
        done = fit_checkpoint(folder, device, cases, names, seed, lambda: on_done("dgls", 1))
    shares, fitted = done.shares, done.fitted
    figures: dict[str, object] = {
        "file": str(folder),
        "cases": fitted.cases,
        "ngram_shares": list(shares),
        "error_before": fitted.before.error,
        "error_after": fitted.after.error,
        "shown": _shown_json(fitted.shown),
    }
    said = (
        f"Shares of the n-gram cache by length of context: {', '.join(map(str, shares))}.\n"
        f"Calibration error {fitted.before.error:.3f} before, {fitted.after.error:.3f} after, "
        f"over {fitted.cases} gaps of {names}."
    )
    return _Calibrated(figures, f"{said}\n{_shown(fitted.shown)}")


def _shown_json(shown: Shown | None) -> dict[str, float] | None:
    return None if shown is None else dataclasses.asdict(shown)


def _shown(shown: Shown | None) -> str:
    if shown is None:
        return "No threshold makes enough of what is shown right, so nothing is shown unasked."
    return (
        f"From confidence {shown.threshold:.3f} up a fill is shown: {shown.coverage:.1%} of all, "
        f"{shown.precision:.1%} of them right."
    )


def faults(
    model: ModelName = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Look for answers that break code, and for silence where an answer is due.

    Without a model the rules are tried on answers that are given. Exits with 1 where a case fails.
    """
    from dgls.lab.evaluation.faults.cases import fault_cases
    from dgls.lab.evaluation.faults.run import run_faults

    with _progress(len(fault_cases())) as on_done:
        report = run_faults(model, device, on_done)
    typer.echo(report.to_json() if as_json else report.to_text())
    if report.faults:
        raise typer.Exit(1)


def edits(
    sessions: Annotated[
        Path | None, typer.Option(help="A folder of sessions, such as fixtures/edits.")
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(help="Source archives of one package in the order of release; repeatable."),
    ] = None,
    careful: Annotated[
        bool, typer.Option(help="Measure the plain careful rules instead: the baseline.")
    ] = False,
    verbose: Annotated[bool, typer.Option(help="Name each package's own figures.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure what is offered after an edit: on small sessions, and on releases typed again."""
    from dgls.edits.ripple import ripple
    from dgls.errors import InputError
    from dgls.lab.evaluation.edits import careful as baseline
    from dgls.lab.evaluation.edits import report
    from dgls.lab.evaluation.edits.pairs import Tally, changed_files, replay
    from dgls.lab.evaluation.edits.sessions import judged, read_sessions

    system, name = (baseline.careful, "careful") if careful else (ripple, "ripple")
    if sessions is None and not archive:
        raise InputError("Give --sessions or --archive; nothing was measured.")
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
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    verbose: Annotated[bool, typer.Option(help="Print each case as it is done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure edits by instruction: what parses, what is kept, what its tests say is right.

    What the model writes is run, with limits. Small models are measured, too.
    """
    from dgls.errors import InputError
    from dgls.lab.evaluation.instructions.cases import read_cases
    from dgls.lab.evaluation.instructions.report import of_one, to_json, to_text
    from dgls.lab.evaluation.instructions.run import judged
    from dgls.lab.evaluation.instructions.system import open_editor

    found, missing = read_cases(cases)
    if not found:
        raise InputError(f"There are no cases in {cases}; nothing was measured.")
    name, ask = open_editor(model, device or "auto", threads)
    verdicts = []
    for verdict in judged(found, ask):
        verdicts.append(verdict)
        if verbose:
            typer.echo(of_one(verdict), err=True)
    typer.echo((to_json if as_json else to_text)(name, verdicts, missing))


def typing(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder with source to type again.")
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option("--language", help="Type this language alone; repeatable. Without it: all."),
    ] = None,
    recorded: Annotated[
        Path | None, typer.Option(help="Sessions as JSON lines instead, see docs/evaluation.md.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Sessions to make.")] = 12,
    truth: Annotated[
        bool, typer.Option(help="Measure the policy alone, with a backend that knows the truth.")
    ] = False,
    error: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Share of wrong fills of that backend.")
    ] = 0.4,
    latency_ms: Annotated[
        float, typer.Option(min=0, help="How long each of its fills takes.")
    ] = 100.0,
    at_once: Annotated[int, typer.Option(min=1, max=1000, help="Sessions typed side by side.")] = 1,
    model: ModelName = None,
    seed: Seed = 0,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Replay typing sessions through the real server, in real time, beside a plain policy."""
    import asyncio

    from dgls.config import changed, resolve
    from dgls.errors import InputError
    from dgls.lab.bench.typing.measure import measure
    from dgls.lab.bench.typing.sessions import recorded_sessions, synthetic_sessions
    from dgls.lab.bench.typing.truth import Plan
    from dgls.lab.evaluation.cut import CODE, languages_of
    from dgls.rendezvous.endpoint import absolute

    if (folder is None) == (recorded is None):
        raise InputError("Give a folder or --recorded, one of the two; nothing was replayed.")
    sessions = (
        recorded_sessions(recorded)
        if recorded
        else synthetic_sessions(
            folder or Path(),
            count,
            seed,
            languages_of(language or ()) or CODE,
            _may_read(allow_private),
        )
    )
    settings = resolve().settings
    if model is not None:
        settings = absolute(changed(settings, {"model.name": model}))
    plan = Plan.of(sessions, error, latency_ms, seed) if truth else None
    page = asyncio.run(
        measure(settings, sessions, plan, at_once, lambda what: typer.echo(f"{what} ...", err=True))
    )
    typer.echo(page.to_json() if as_json else page.to_text(), nl=as_json)


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
        said = f"\nThe whole report is in {folder / 'report.md'} and {folder / 'report.json'}."
        typer.echo(said, err=as_json)


def _may_read(allow_private: bool) -> MayRead:
    from dgls.config import resolve

    return readable(resolve(Path.cwd()), allow_private)


def _run(plan: Plan) -> tuple[Series, ...]:
    from dgls.lab.evaluation.runner import run

    total = len(plan.systems) * len(plan.cases) * (2 if plan.verdicts else 1)
    with _progress(total) as on_done:
        return run(plan, on_done)


@contextmanager
def _progress(total: int) -> Iterator[OnDone]:
    """A bar on standard error, so that standard output holds the table alone."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=total)
        yield lambda what, count: progress.update(task, description=what, advance=count)


def _folder(out: Path | None) -> Path | None:
    from dgls.errors import InputError

    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out} cannot be a folder for the results ({error.strerror}); nothing was measured."
        ) from error
    return out


def _first_machine(folder: Path | None, now: str) -> str:
    """The machine and date of the run that began in this folder, so that a resumed one agrees."""
    if folder is None:
        return now
    kept = folder / "machine.txt"
    if not kept.is_file():
        kept.write_text(now + "\n", encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()
