"""Calibrates a checkpoint in its folder: n-gram cache, confidence and threshold."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgls.fill.canvas import CanvasFiller
from dgls.lab.evaluation.cache_shares import fit_cache_shares, without_cache, write_cache_shares
from dgls.lab.evaluation.calibration import Fitted, Weighed, fit, weigh, write
from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.choose import OpenedModel
from dgls.lab.evaluation.model_systems import strategy_of


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The values written into the checkpoint. `shares` is `Metadata.cache_shares`."""

    shares: tuple[float, ...]
    fitted: Fitted


def calibrate(
    folder: Path,
    device: str | None,
    cases: Sequence[Case],
    fitted_on: str,
    seed: int = 0,
    on_case: Callable[[], None] = lambda: None,
) -> Calibrated:
    """Fit everything on `cases` and write it into the checkpoint; nothing is written on an error.

    `fitted_on` names the source of the cases. Raises `CheckpointError` if nothing can be fitted,
    because all fills were right or all wrong.
    """
    opened = OpenedModel.of(str(folder), device)
    # The cache first, because its share is part of the scores that the confidence is fitted on.
    shares = fit_cache_shares(without_cache(opened.model), cases, opened.budget)
    model = opened.with_cache_shares(shares).model
    filler = CanvasFiller(model, strategy_of("dgls", model))
    weighed: list[Weighed] = []
    for each in weigh(filler, cases, opened.budget, seed):
        weighed.append(each)
        on_case()
    fitted = fit(weighed, seed, model.metadata.calibration)
    write_cache_shares(shares, folder)
    write(fitted, folder, fitted_on, datetime.date.today().isoformat())
    return Calibrated(shares, fitted)
