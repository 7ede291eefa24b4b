"""The findings about this machine: plain values, as `dgls doctor --json` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dgls.checkpoint.adapter_trial import Trial
from dgls.checkpoint.precision_fit import PrecisionFit


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU; memory in bytes."""

    name: str
    driver: str
    memory: int
    free: int


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine's processor, memory and GPUs; memory in bytes, 0 if unknown.

    `note` tells why a GPU is not used, if that is so.
    """

    system: str
    python: str
    torch: str
    cores: int
    memory: int
    available: int
    gpus: tuple[Gpu, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ModelFound:
    """A model by its name, and its folder if it is here; `bytes` of weights.

    `problem` is one sentence if it cannot be used, with what to do.
    """

    name: str
    folder: str
    bytes: int
    problem: str

    @property
    def is_ready(self) -> bool:
        """Whether it can be loaded, as far as its files tell."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Precision:
    """How the published model would fit here, and which precision `auto` selects and why."""

    where: str
    fits: tuple[PrecisionFit, ...]
    chosen: str
    why: str


@dataclass(frozen=True, slots=True)
class EngineFound:
    """The engine of these settings. `state` is "none" if it does not run.

    `memory` is the process's own in bytes, without a GPU's; `others` is the number of other running
    engines.
    """

    state: str
    model: str = ""
    message: str = ""
    pid: int = 0
    uptime_seconds: int = 0
    memory: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class FoundEditor:
    """An editor, and how dgls is set up in it."""

    name: str
    path: str
    version: str
    how: str


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting's value and its source; "default" if nobody set it."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Speed:
    """Real fills with the model in use, in milliseconds: the first, and the median of the others.

    `starting_ms` is the engine's start, 0 if it was running already.
    """

    model: str
    fills: int
    starting_ms: float
    first_ms: float
    median_ms: float
    steps: int


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings, in the order in which they are shown.

    `choice` tells in one sentence which model fills and why.
    """

    version: str
    machine: Machine
    models: tuple[ModelFound, ...]
    choice: str
    precision: Precision
    engine: EngineFound
    editors: tuple[FoundEditor, ...]
    settings: tuple[InForce, ...]
    problems: tuple[str, ...]
    speed: Speed | None = None
    adapter: Trial | None = None
