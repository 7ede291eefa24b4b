"""The order of the jobs, their time limits, and the handling of lost processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dgls.checkpoint.scheme import Scheme
from dgls.lab.bench.gpu.child import Patience, in_child
from dgls.lab.bench.gpu.figures import Figure, Problem, Results
from dgls.lab.bench.gpu.measuring import LATE, LOADING, PARTS, parts_of
from dgls.lab.bench.gpu.messages import About, Begun, Died, Job, Message
from dgls.lab.bench.gpu.subject import SIZES, Size

Measure = Callable[[Job, Patience], Iterator[Message]]

_LOADING_SECONDS = 240.0
_PART_SECONDS = 120.0
"""The limit for a part; also at most a quarter (loading: half) of the plan's time."""

_GRACE_SECONDS = 25.0
"""After the plan's time, a running part gets this long to finish."""

_WORTH_SECONDS = 40.0
"""With less time left no process is started, because loading would take all of it."""

_MAX_DEATHS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: parts by name, schemes, a size, and the time limit in minutes."""

    size: Size
    schemes: tuple[Scheme, ...]
    parts: tuple[str, ...]
    minutes: float
    device: torch.device


@dataclass(slots=True)
class _Left:
    """The unmeasured parts of a scheme, and how often its process was lost."""

    scheme: Scheme
    parts: list[str]
    deaths: int = 0
    plain: bool = False
    gave_up: bool = False


@dataclass(slots=True)
class _Run:
    plan: Plan
    results: Results
    say: Callable[[str], None]
    measure: Measure
    begun: float = field(default_factory=time.time)

    @property
    def end(self) -> float:
        """The time after which no further part may begin."""
        return self.begun + 60 * self.plan.minutes

    def job(self, left: _Left, parts: Sequence[str], until: float) -> None:
        """Measure parts of a scheme in one process, and note the progress."""
        asked = time.time()
        job = Job(
            self.plan.size.name, left.scheme, tuple(parts), str(self.plan.device), asked,
            until, left.plain,
        )  # fmt: skip
        current = LOADING
        for message in self.measure(job, self._patience()):
            if isinstance(message, Begun):
                current = message.part
                if current in left.parts:
                    left.parts.remove(current)
                self._tell(left.scheme, current)
            elif isinstance(message, Died):
                self._lost(left, current, message)
            else:
                self._keep(message)

    def second_start(self, scheme: Scheme) -> None:
        """Load and fill once more, to time a start with compiled kernels."""
        self._tell(scheme, "a second start")
        now, size, device = time.time(), self.plan.size.name, str(self.plan.device)
        job = Job(size, scheme, (), device, now, now, again=True)
        for message in self.measure(job, self._patience()):
            if isinstance(message, Died):
                self.results.failed(Problem("second start", scheme, f"the process {message.how}"))
            else:
                self._keep(message)

    def _patience(self) -> Patience:
        planned = 60 * self.plan.minutes
        loading, part = min(_LOADING_SECONDS, planned / 2), min(_PART_SECONDS, planned / 4)
        return Patience(loading, part, self.end + _GRACE_SECONDS)

    def _lost(self, left: _Left, part: str, death: Died) -> None:
        """Note the loss. Other parts are tried again, without kernels if those may be the cause."""
        self.results.failed(Problem(part, left.scheme, f"the process {death.how}"))
        left.deaths += 1
        left.gave_up = left.deaths >= _MAX_DEATHS or (part == LOADING and left.plain)
        left.plain = left.plain or part == LOADING or left.deaths > 1
        if left.plain and "kernels" in left.parts:
            # The kernel check comes last, because it may kill the process again.
            left.parts.remove("kernels")
            left.parts.append("kernels")
        if left.plain and not left.gave_up:
            what = "plain torch is measured from here on, as kernels may be the cause"
            self.results.failed(Problem("kernels", left.scheme, what))

    def _keep(self, message: Message) -> None:
        if isinstance(message, Figure):
            self.results.add([message])
        elif isinstance(message, Problem):
            self.results.failed(message)
        elif isinstance(message, About):
            self.results.machine = message.machine

    def _tell(self, scheme: Scheme, what: str) -> None:
        self.say(f"{time.time() - self.begun:4.0f} s, {scheme}: {what}")


def run(
    plan: Plan,
    file: Path | None,
    say: Callable[[str], None],
    measure: Measure = in_child,
) -> Results:
    """Measure all that the plan's time allows; `say` gets progress messages.

    Each scheme gets half of the time that is left at its turn, the last one all of it. Parts that
    did not fit are tried after all schemes had their turn, and the late parts at the end.
    """
    results = Results("unknown machine", _command(), file)
    running = _Run(plan, results, say, measure)
    waiting = [
        _Left(scheme, [name for name in plan.parts if name in parts_of(scheme)])
        for scheme in plan.schemes
    ]
    for turn, left in enumerate(waiting):
        share = (running.end - time.time()) / (2 if turn < len(waiting) - 1 else 1)
        _measured(running, left, time.time() + share, LATE)
    for left in waiting:
        _measured(running, left, running.end, LATE)
    # The scheme that most users have.
    usual = next((left for left in waiting if left.scheme is Scheme.FOUR), waiting[0])
    if _is_time(running) and not usual.gave_up:
        running.second_start(usual.scheme)
    for left in waiting:
        _measured(running, left, running.end)
    for left in waiting:
        if left.parts and not left.gave_up:
            what = f"{', '.join(left.parts)}: no time was left"
            results.failed(Problem("left out", left.scheme, what))
    return results


def _measured(running: _Run, left: _Left, until: float, later: Sequence[str] = ()) -> None:
    """Start processes until only the parts in `later` are left, or no time."""
    while not left.gave_up and time.time() < until and _is_time(running):
        parts = [name for name in left.parts if name not in later]
        if not parts:
            return
        running.job(left, parts, until)


def _is_time(running: _Run) -> bool:
    return running.end - time.time() > min(_WORTH_SECONDS, 30 * running.plan.minutes)


def _command() -> str:
    return " ".join(["dgls", *sys.argv[1:]])


def planned(
    size: str, schemes: Sequence[str], names: Sequence[str], minutes: float, device: torch.device
) -> Plan:
    """The plan from command-line words. Raises `ValueError` for invalid ones."""
    unknown = [name for name in names if name not in PARTS]
    if unknown or size not in SIZES:
        known = f"sizes {', '.join(SIZES)}; parts {', '.join(PARTS)}"
        raise ValueError(f"{' '.join(unknown) or size} is not known; there are {known}")
    chosen = tuple(Scheme(scheme) for scheme in schemes)
    return Plan(SIZES[size], chosen, tuple(names) or tuple(PARTS), minutes, device)
