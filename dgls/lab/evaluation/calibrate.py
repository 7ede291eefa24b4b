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


@dataclass(frozen=True, slots=True)
class FitSet:
    """The cases to fit on, a name for where they come from, and the seed of their fills."""

    cases: Sequence[Case]
    name: str
    seed: int = 0


def calibrate(
    folder: Path,
    device: str | None,
    on: FitSet,
    on_case: Callable[[], None] = lambda: None,
) -> Calibrated:
    """Fit everything and write it into the checkpoint; on an error nothing is written.

    Raises `CheckpointError` where there is nothing
    to fit, because all fills were right or all wrong.
    """
    opened = OpenedModel.of(str(folder), device)
    # First the cache, because the confidence is fitted on scores that it shares in.
    shares = fit_cache_shares(without_cache(opened.model), on.cases, opened.budget)
    model = opened.with_cache_shares(shares).model
    filler = CanvasFiller(model, strategy_of("dgls", model))
    weighed: list[Weighed] = []
    for each in weigh(filler, on.cases, opened.budget, on.seed):
        weighed.append(each)
        on_case()
    fitted = fit(weighed, on.seed, model.metadata.calibration)
    write_cache_shares(shares, folder)
    write(fitted, folder, on.name, datetime.date.today().isoformat())
    return Calibrated(shares, fitted)
