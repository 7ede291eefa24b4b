"""Runs the steps of a run, with reports, measurements and saves in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from dgls.lab.training.parallel.clock import Clock
from dgls.lab.training.parallel.run_folder import Progress

_TOLD_STEPS = 20
_SILENCE = 20.0
"""Seconds after which a step is reported in any case."""

Loss = TypeVar("Loss")


class Limits(Protocol):
    """The limits of a run, whichever comes first."""

    @property
    def steps(self) -> int:
        """Steps in all."""

    @property
    def minutes(self) -> float:
        """Minutes of training in all."""


@dataclass(frozen=True, slots=True)
class Duties(Generic[Loss]):
    """What is done between steps; measuring and saving have intervals in seconds."""

    report: Callable[[str], None]
    line: Callable[[Progress, Loss], str]
    measure: Callable[[Progress], None]
    save: Callable[[Progress], None]
    measure_every: float
    save_every: float


def go_through(
    losses: Iterator[Loss], progress: Progress, clock: Clock, duties: Duties[Loss]
) -> Progress:
    """Take all steps, each of which gives its loss; measure and save before and after them."""
    with clock.stopped():
        duties.measure(progress)
    # A folder that cannot be written must fail before hours of work, not after them.
    duties.save(progress)
    saved = measured = told = clock.seconds
    for loss in losses:
        progress = replace(progress, step=progress.step + 1, seconds=clock.seconds)
        if progress.step % _TOLD_STEPS == 0 or clock.seconds - told >= _SILENCE:
            duties.report(duties.line(progress, loss))
            told = clock.seconds
        if clock.seconds - measured >= duties.measure_every:
            with clock.stopped():
                duties.measure(progress)
            measured = clock.seconds
        if clock.seconds - saved >= duties.save_every:
            duties.save(progress)
            duties.report(f"saved at step {progress.step:,}")
            saved = clock.seconds
    duties.measure(progress)
    duties.save(progress)
    return progress


def share_done(limits: Limits, step: int, seconds: float) -> float:
    """The share of the run that is done, by steps or by time, whichever is larger."""
    return max(step / limits.steps, seconds / (60 * limits.minutes))


def rate_factor(step: int, warmup: int, done: float) -> float:
    """The rate at a step relative to the highest: up in `warmup` steps, then down like a cosine."""
    warm = min(1.0, (step + 1) / warmup)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))
