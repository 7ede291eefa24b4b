"""The order of the parts, what time they may take, and what happens where one fails."""

from __future__ import annotations

import gc
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from dgls.bench.gpu import parts
from dgls.bench.gpu.figures import Figure, Problem, Results
from dgls.bench.gpu.floor import bandwidth
from dgls.bench.gpu.subject import SIZES, Size, Subject
from dgls.bench.gpu.tuning import tiles
from dgls.bench.machine import machine
from dgls.models.scheme import Scheme

Part = Callable[[Subject, float], Iterable[Figure]]

PARTS: Mapping[str, Part] = {
    "memory": parts.memory,
    "equality": parts.equality,
    "steps": parts.steps,
    "fills": parts.fills,
    "generate": parts.generate,
    "written": parts.written,
    "candidates": parts.candidates,
    "encoding": parts.prefixes,
    "tiles": tiles,
}
"""In the order in which they run for each scheme: what matters most comes first."""

_SLOW_IN_FEW_BITS = {"generate"}
"""What takes minutes with quantised weights, and would compare with a path that nobody takes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: parts by name, schemes, a size, and in how many minutes at most."""

    size: Size
    schemes: tuple[Scheme, ...]
    parts: tuple[str, ...]
    minutes: float
    device: torch.device


def run(plan: Plan, file: Path | None, say: Callable[[str], None]) -> Results:
    """Measure all that the plan's time allows; `say` is told what is being measured."""
    results = Results(_where(plan.device), _command(), file)
    deadline = time.monotonic() + 60 * plan.minutes
    speed = _bandwidth(plan, results)
    for scheme in plan.schemes:
        if time.monotonic() > deadline:
            results.failed(Problem("all parts", str(scheme), "no time was left"))
            continue
        say(f"{scheme}: making a random model")
        subject = _loaded(plan, scheme, results)
        if subject is None:
            continue
        for name in plan.parts:
            if _left_out(name, scheme, deadline, results):
                continue
            say(f"{scheme}: {name}")
            _guarded(name, subject, speed, results)
        del subject
        _give_back()
    return results


def _loaded(plan: Plan, scheme: Scheme, results: Results) -> Subject | None:
    """The subject, with how long it took from nothing to its first fill."""
    if plan.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    try:
        subject = Subject(plan.size, scheme, plan.device)
        loaded = subject.now() - begun
        _first_fill(subject, results)
        filled = subject.now() - begun - loaded
    except Exception as error:  # what one scheme lacks, another may have
        results.failed(_problem("load", scheme, error))
        return None
    first = (
        f"first encoding of {plan.size.prefix} tokens and first fill, kernels compiled on the way"
    )
    pairs = (("weights drawn and put together", loaded), (first, filled))
    results.add([Figure("load", str(scheme), what, seconds, "s") for what, seconds in pairs])
    return subject


def _first_fill(subject: Subject, results: Results) -> None:
    """Fill once. Where the kernels fail, all is measured without them, and the table says so."""
    size = subject.size
    for last in (False, True):
        try:
            past = subject.past(size.prefix)
            subject.fill(past, size.gap, size.gap, size.gap_steps).tokens.tolist()
            return
        except Exception as error:
            if last or subject.is_plain:
                raise
            problem = _problem("kernels", subject.scheme, error)
            results.failed(
                replace(problem, what=f"plain torch was measured instead: {problem.what}")
            )
            subject.use_plain()


def _left_out(name: str, scheme: Scheme, deadline: float, results: Results) -> bool:
    if name in _SLOW_IN_FEW_BITS and scheme is not Scheme.NONE:
        what = "left out: the library's class widens one expert after the other here"
        results.failed(Problem(name, str(scheme), what))
        return True
    late = time.monotonic() > deadline
    if late:
        results.failed(Problem(name, str(scheme), "no time was left"))
    return late


def _guarded(name: str, subject: Subject, speed: float, results: Results) -> None:
    """A part's figures, as many as it gave before it failed, if it did."""
    try:
        for figure in PARTS[name](subject, speed):
            results.add([figure])
    except Exception as error:  # the other parts are to be measured all the same
        results.failed(_problem(name, subject.scheme, error))


def _bandwidth(plan: Plan, results: Results) -> float:
    speed = bandwidth(plan.device, plan.size.copied)
    what = "memory bandwidth, bytes read and written by a copy"
    results.add([Figure("machine", "", what, speed / 1e9, "GB/s")])
    return speed


def _where(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU"
    versions = [f"{package} {_version(package)}" for package in ("transformers", "triton")]
    return ", ".join([name, machine(), *versions])


def _command() -> str:
    return " ".join(["dgls", *sys.argv[1:]])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _problem(name: str, scheme: Scheme, error: Exception) -> Problem:
    """An error in one line, and where it came from."""
    lines = str(error).strip().splitlines() or [""]
    told = f"{type(error).__name__}: {lines[0][:300]}"
    return Problem(name, str(scheme), told, "".join(traceback.format_exception(error))[-6000:])


def _give_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def planned(
    size: str, schemes: Sequence[str], names: Sequence[str], minutes: float, device: torch.device
) -> Plan:
    """The plan of these words. Raises `ValueError` for one that is none."""
    unknown = [name for name in names if name not in PARTS]
    if unknown or size not in SIZES:
        known = f"sizes {', '.join(SIZES)}; parts {', '.join(PARTS)}"
        raise ValueError(f"{' '.join(unknown) or size} is not known; there are {known}")
    chosen = tuple(Scheme(scheme) for scheme in schemes)
    return Plan(SIZES[size], chosen, tuple(names) or tuple(PARTS), minutes, device)
