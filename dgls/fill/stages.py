"""How long each stage of a fill took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dgls.protocol import Timings


@dataclass(slots=True)
class Stages:
    """Milliseconds by stage, named as in `Timings` without the unit."""

    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """A context manager that adds the time spent inside to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = 1000 * (time.perf_counter() - began)
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent

    @property
    def timings(self) -> Timings:
        """The times of all stages."""
        return Timings(**{f"{stage}_ms": spent for stage, spent in self.milliseconds.items()})
