"""What a process that measures is asked, and what it tells: one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from dgls.lab.bench.gpu.figures import Figure, Problem


@dataclass(frozen=True, slots=True)
class Job:
    """Parts to measure with the weights of one scheme in one process.

    `until` is when no further part may begin, in seconds of `time.time()`, and `asked_at` when the
    job was given. With `plain` the kernels are not used. `again` tells of another start, of which
    nothing but the loading is measured.
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
    """On what is measured."""

    machine: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A part that is being measured from now on."""

    part: str


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended, or had to be ended, before it was done; `how` is a clause."""

    how: str


Message = About | Begun | Figure | Problem | Died

_KINDS = {kind.__name__: kind for kind in (About, Begun, Figure, Problem, Died)}


def encoded(message: Message) -> str:
    """The message as a line."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)}) + "\n"


def decoded(line: str) -> Message:
    """The message that the line is. Raises `ValueError` or `KeyError` where it is none."""
    fields = json.loads(line)
    kind = _KINDS[fields.pop("kind")]
    message: Message = kind(**fields)
    return message


def encoded_job(job: Job) -> str:
    """The job as a line."""
    return json.dumps(asdict(job)) + "\n"


def decoded_job(line: str) -> Job:
    """The job that the line is."""
    fields = json.loads(line)
    return Job(**{**fields, "parts": tuple(fields["parts"])})
