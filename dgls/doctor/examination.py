"""Gathers all findings of `dgls doctor`."""

from __future__ import annotations

from pathlib import Path

from dgls import __version__
from dgls.config import DECLARED, Resolved, resolve
from dgls.doctor.adapter import last_trial, try_adapter
from dgls.doctor.editors import look_for_editors
from dgls.doctor.engine import look_at_engine
from dgls.doctor.findings import EngineFound, Findings, InForce, Speed
from dgls.doctor.machine import look_at_machine
from dgls.doctor.model import choice_of, look_for_models, precision_of
from dgls.doctor.speed import measure
from dgls.errors import DglsError
from dgls.protocol import OnProgress
from dgls.rendezvous.endpoint import absolute

_DEFAULT = "default"


async def examine(project: Path, on_progress: OnProgress, *, measured: bool) -> Findings:
    """All findings; with `measured`, fills are timed too. Failures are listed as problems."""
    resolved = resolve(project)
    settings = absolute(resolved.settings)
    machine = look_at_machine()
    problems = [str(problem) for problem in resolved.problems]
    try:
        engine = await look_at_engine(settings)
    except DglsError as error:
        engine = EngineFound("none")
        problems.append(str(error))
    speed: Speed | None = None
    if measured:
        try:
            speed = await measure(settings, on_progress)
            await try_adapter(settings, on_progress)
        except DglsError as error:
            problems.append(str(error))
    return Findings(
        version=__version__,
        machine=machine,
        models=look_for_models(settings),
        choice=choice_of(settings),
        precision=precision_of(machine, settings),
        engine=engine,
        editors=look_for_editors(),
        settings=_in_force(resolved),
        problems=tuple(problems),
        speed=speed,
        adapter=last_trial(settings),
    )


def _in_force(resolved: Resolved) -> tuple[InForce, ...]:
    """Every setting with its value and the source of it."""
    return tuple(
        InForce(name, resolved.settings.value(name), resolved.origins.get(name, _DEFAULT))
        for name in DECLARED
    )
