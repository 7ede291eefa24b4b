"""`dgls eval calibrate`: fit how sure a model is, and from where on a fill is shown."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.cli.eval.options import Device, Seed, may_read, progress
from dgls.cli.options import AsJson
from dgls.cli.private import AllowPrivate, MayRead

if TYPE_CHECKING:
    from dgls.checkpoint.named import Named
    from dgls.lab.evaluation.cases import Case, Kind
    from dgls.lab.evaluation.confidence import Shown


def calibrate(
    checkpoint: Annotated[
        str, typer.Argument(help="The checkpoint folder to write into, or a laptop model.")
    ],
    tree: Annotated[
        list[Path],
        typer.Option(
            help="Source code that is used neither for training nor for evaluation; repeatable."
        ),
    ],
    count: Annotated[
        int, typer.Option(min=10, help="Number of gaps to cut from each tree.")
    ] = 1000,
    seed: Seed = 0,
    device: Device = None,
    out: Annotated[
        Path | None, typer.Option(help="The file for the confidence of a laptop model.")
    ] = None,
    allow_private: AllowPrivate = False,
    as_json: AsJson = False,
) -> None:
    """Fit the confidence and the threshold from which a fill is shown."""
    from dgls.checkpoint.named import resolved
    from dgls.checkpoint.qwen2.lora import with_lora
    from dgls.config import resolve

    named = with_lora(resolved(checkpoint), resolve().settings.model.lora)
    trees = _Trees(tree, count, seed, may_read(*tree, allow_private=allow_private))
    if named.causal:
        done = _calibrate_causal(named, trees, device, out)
    else:
        done = _calibrate_checkpoint(checkpoint, trees, device)
    typer.echo(json.dumps(done.figures, indent=2) if as_json else done.text)


@dataclass(frozen=True, slots=True)
class _Trees:
    """Where cases are cut: `count` from each folder."""

    folders: list[Path]
    count: int
    seed: int
    may_read: MayRead

    @property
    def names(self) -> str:
        """The names of the folders."""
        return ", ".join(folder.resolve().name for folder in self.folders)

    def cases(self, kinds: Sequence[Kind] | None = None) -> list[Case]:
        """The cases of these kinds, or of all."""
        from dgls.lab.evaluation.cases import Kind
        from dgls.lab.evaluation.cut import Files, cut_cases

        wanted, files = kinds or tuple(Kind), Files(may_read=self.may_read)
        return [
            case
            for folder in self.folders
            for case in cut_cases(folder, self.count, self.seed, wanted, files)
        ]


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """The result of a calibration, for programs and for a person."""

    figures: dict[str, object]
    text: str


def _calibrate_causal(
    named: Named, trees: _Trees, device: str | None, out: Path | None
) -> _Calibrated:
    from dgls.fill.confidence import FILE
    from dgls.fill.open_filler import open_causal
    from dgls.fill.running import CausalStrategy
    from dgls.lab.evaluation.causal_calibration import fit, judge
    from dgls.syntax.cursor import Budget

    cases = trees.cases()
    filler = open_causal(named, device or "auto")
    judged = []
    with progress(len(cases)) as on_done:
        for each in judge(filler, cases, Budget()):
            judged.append(each)
            on_done("dgls", 1)
    fitted = fit(judged, CausalStrategy(), trees.names)
    folder = named.path.parent if named.path.is_file() else named.path
    place = out or folder / FILE
    place.write_text(fitted.confidence.to_json(), encoding="utf-8")
    figures = {"file": str(place), "cases": fitted.cases, "exact": fitted.exact}
    said = f"{place}: fitted on {fitted.cases} gaps, {fitted.exact:.1%} of them filled right."
    return _Calibrated(
        {**figures, "shown": _shown_json(fitted.shown)}, f"{said}\n{_shown(fitted.shown)}"
    )


def _calibrate_checkpoint(checkpoint: str, trees: _Trees, device: str | None) -> _Calibrated:
    from dgls.checkpoint.registry import find
    from dgls.lab.evaluation.calibrate import FitSet
    from dgls.lab.evaluation.calibrate import calibrate as fit_checkpoint
    from dgls.lab.evaluation.calibration import SHOWN_KINDS

    folder, on = find(checkpoint), FitSet(trees.cases(SHOWN_KINDS), trees.names, trees.seed)
    with progress(len(on.cases)) as on_done:
        done = fit_checkpoint(folder, device, on, lambda: on_done("dgls", 1))
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
        "Weights of the n-gram cache by length of context: "
        f"{', '.join(map(str, shares))}.\nCalibration error {fitted.before.error:.3f} before, "
        f"{fitted.after.error:.3f} after, over {fitted.cases} gaps of {trees.names}."
    )
    return _Calibrated(figures, f"{said}\n{_shown(fitted.shown)}")


def _shown_json(shown: Shown | None) -> dict[str, float] | None:
    return None if shown is None else dataclasses.asdict(shown)


def _shown(shown: Shown | None) -> str:
    if shown is None:
        return (
            "No threshold makes enough of the shown fills right, so the model shows nothing "
            "unless asked."
        )
    return (
        f"Fills are shown from confidence {shown.threshold:.3f} up: {shown.coverage:.1%} of "
        f"all, {shown.precision:.1%} of them right."
    )
