"""Backends for replays: one that knows the truth and errs at a given rate, one that counts.

The first measures the policy without the model: of its fills with confidence c the share c is
right, so its confidence is calibrated by construction. It must never be mistaken for a model.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dgls.config import Settings, changed
from dgls.engine.backends.base import Backend
from dgls.engine.backends.choose import backend_of
from dgls.fill.filler import HasIdleWork
from dgls.fill.stop import StopToken
from dgls.lab.bench.typing.sessions import Session
from dgls.protocol import Draft, Fill, FillReply, FillRequest, OnDraft, OnProgress

TRUTH = "dgls.lab.bench.typing.truth:truth"
COUNTED = "dgls.lab.bench.typing.truth:counted"
"""Values of `engine.backend`."""

STEPS = 6

THRESHOLD = 0.4
"""With 40 % errors, 74 % of the fills from this confidence on are right.

That is more than the share for which `dgls eval calibrate` fits a model's own threshold.
"""

_STEPS_FILE = "steps.jsonl"
_KNOWN_CHARS = 120
_SHARPNESS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the backend that knows the truth proposes: `error` is the share of wrong fills."""

    files: dict[str, str]
    error: float
    latency_ms: float
    seed: int = 0

    @classmethod
    def of(cls, sessions: Sequence[Session], error: float, latency_ms: float, seed: int) -> Plan:
        """A plan that knows every session's whole file."""
        return cls({each.name: each.whole for each in sessions}, error, latency_ms, seed)

    def write(self, folder: Path) -> Path:
        """Write the plan into a folder; returns the value of `model.name` that selects it."""
        path = folder / "plan.json"
        fields = {name: getattr(self, name) for name in ("files", "error", "latency_ms", "seed")}
        path.write_text(json.dumps(fields), encoding="utf-8")
        return path


def truth(settings: Settings) -> Backend:
    """The backend that knows the truth of the plan at `model.name`."""
    plan = Plan(**json.loads(Path(settings.model.name).read_text("utf-8")))
    return Counted(Truthful(plan), _steps_file(settings))


def counted(settings: Settings) -> Backend:
    """The model of the settings, with its steps counted."""
    own = changed(settings, {"engine.backend": "local"})
    return Counted(backend_of(own), _steps_file(settings))


def steps_made(folder: Path) -> int:
    """The denoise steps of an engine in this folder, including those of stopped fills."""
    path = folder / _STEPS_FILE
    if not path.exists():
        return 0
    return sum(json.loads(line)["steps"] for line in path.read_text("utf-8").splitlines())


def _steps_file(settings: Settings) -> Path:
    return Path(settings.engine.folder) / _STEPS_FILE


class Counted:
    """Another backend, with the steps of each finished or stopped fill recorded."""

    def __init__(self, inner: Backend, file: Path) -> None:
        self._inner = inner
        self._file = file

    @property
    def name(self) -> str:
        """The model's name."""
        return self._inner.name

    @property
    def concurrency(self) -> int:
        """That of the other backend."""
        return self._inner.concurrency

    def load(self, progress: OnProgress) -> None:
        """Load the other backend."""
        self._inner.load(progress)

    def use_pause(self, stop: StopToken) -> bool:
        """That of the other backend, if it has one."""
        inner: object = self._inner
        return inner.use_pause(stop) if isinstance(inner, HasIdleWork) else False

    def use_idle_time(self) -> bool:
        """That of the other backend, if it has one."""
        inner: object = self._inner
        return inner.use_idle_time() if isinstance(inner, HasIdleWork) else False

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """The other backend's fill."""
        steps = 0

        def count(draft: Draft) -> None:
            nonlocal steps
            steps += 1
            if on_draft is not None:
                on_draft(draft)

        try:
            return self._inner.fill(request, stop, count)
        finally:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"steps": steps}) + "\n")


class Truthful:
    """Fills with the rest of the true line, or, at the plan's error rate, with another line."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @property
    def name(self) -> str:
        """A name that nobody mistakes for a model's."""
        return f"truth with {self._plan.error:.0%} errors"

    @property
    def concurrency(self) -> int:
        """One fill at a time, as with a local model."""
        return 1

    def load(self, progress: OnProgress) -> None:
        """Nothing is loaded."""
        progress(1.0, "nothing to load")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        """A fill after `STEPS` steps that take the plan's latency together."""
        fill = self._fill(request)
        for step in range(STEPS):
            stop.check()
            if on_draft is not None:
                on_draft(Draft(step + 1, fill.texts))
            time.sleep(self._plan.latency_ms / STEPS / 1000)
        stop.check()
        return FillReply((fill,), self.name, steps=STEPS, threshold=THRESHOLD)

    def _fill(self, request: FillRequest) -> Fill:
        whole = self._plan.files.get(request.path, "")
        known = request.parts[0][-_KNOWN_CHARS:]
        at = whole.find(known)
        if at < 0 or not known:
            return Fill(("",), -1.0, 0.0)
        line = whole[at + len(known) :].partition("\n")[0]
        # The proposal changes with each typed word, not with each letter.
        word = len(whole[: at + len(known)].split())
        chance = random.Random(f"{self._plan.seed}:{request.path}:{word}")
        error = self._plan.error
        sure = chance.betavariate(_SHARPNESS * (1 - error), _SHARPNESS * error)
        if chance.random() >= sure:
            others = [each.strip() for each in whole.split("\n") if each.strip()]
            line = chance.choice(others)
        return Fill((line,), -1.0, sure)
