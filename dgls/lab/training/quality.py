"""The last stage of a run: calibrates and measures the checkpoint on held-out packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dgls.errors import CheckpointError
from dgls.lab.evaluation.answers import Answers
from dgls.lab.evaluation.calibrate import FitSet, calibrate
from dgls.lab.evaluation.calibration import SHOWN_KINDS
from dgls.lab.evaluation.choose import chosen_systems
from dgls.lab.evaluation.cut import cut_cases
from dgls.lab.evaluation.findings import About
from dgls.lab.evaluation.markdown import main_table
from dgls.lab.evaluation.report import build_report
from dgls.lab.evaluation.runner import Plan, run
from dgls.lab.training.documents import Document, Documents

_SYSTEMS = ("nothing", "copy", "causal", "noise", "dgls")
"""The systems measured beside a new checkpoint: baselines, and its own ways to fill."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """How many gaps are cut for calibration, and how many for measurement."""

    calibration: int = 600
    measured: int = 240


def measure(
    checkpoint: Path,
    heldout: Documents,
    folder: Path,
    say: Callable[[str], None],
    gaps: Gaps | None = None,
) -> str:
    """Calibrate on half of the held-out files, measure on the others, and return the table.

    The files are written below `folder`. Returns "" and reports why if nothing can be measured:
    there are no held-out files, or no fill of theirs is right.
    """
    gaps = gaps or Gaps()
    if len(heldout) < 2:
        say("There are no held-out packages: the checkpoint is neither calibrated nor measured.")
        return ""
    documents = list(heldout)
    one, other = folder / "calibration", folder / "measured"
    _unpack(documents[::2], one)
    _unpack(documents[1::2], other)
    say("Calibrating the confidence and measuring the fills on held-out packages.")
    try:
        cases = cut_cases(one, gaps.calibration, 0, SHOWN_KINDS)
        calibrate(checkpoint, "cpu", FitSet(cases, "heldout"))
    except CheckpointError as error:
        say(str(error))
        return ""
    cases = cut_cases(other, gaps.measured, 0)
    systems = chosen_systems(_SYSTEMS, str(checkpoint), "cpu")
    series = run(Plan(cases, systems, Answers()))
    about = About("held-out packages", len(cases), seed=0, executed=False, machine="")
    return main_table(build_report(about, series, "dgls"))


def _unpack(documents: Iterable[Document], folder: Path) -> None:
    for document in documents:
        file = folder / document.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document.text, encoding="utf-8")
