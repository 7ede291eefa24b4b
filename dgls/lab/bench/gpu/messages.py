"""The job and the messages of a measuring process: one JSON object per line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from dgls.lab.bench.gpu.figures import Figure, Problem


@dataclass(frozen=True, slots=True)
class Job:
    """Parts to measure in one process, with the weights of one scheme.

    No part begins after `until`, in seconds of `time.time()`; `asked_at` is when the job was sent.
    With `plain` the kernels are not used. `again` means another start, of which only the loading is
    measured.
    """

    size: str
    scheme: str
    parts: tuple[str, ...]
    device: str
    asked_at: float
    until: float
    plain: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class About:
    """The device and the versions of a measurement."""

    machine: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A part begins."""

    part: str


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended, or was killed, before it finished; `how` is a clause."""

    how: str


Message = About | Begun | Figure | Problem | Died

_KINDS = {kind.__name__: kind for kind in (About, Begun, Figure, Problem, Died)}


def encoded(message: Message) -> str:
    """The message as a line."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}) + "\n"


def decoded(line: str) -> Message:
    """The message on a line. Raises `ValueError` or `KeyError` for anything else."""
    fields = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    message: Message = kind(**fields)
    return message


def encoded_job(job: Job) -> str:
    """The job as a line."""
    return json.dumps(asdict(job)) + "\n"


def decoded_job(line: str) -> Job:
    """The job on a line."""
    fields = json.loads(line)
    return Job(**{**fields, "parts": tuple(fields["parts"])})
