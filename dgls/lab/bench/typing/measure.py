"""Replays sessions through the real server and through a plain policy, as one table."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.lab.bench.machine import cpu_seconds, machine
from dgls.lab.bench.series import Series
from dgls.lab.bench.typing.fronts import Front, PlainFront, ServerFront
from dgls.lab.bench.typing.replay import Tally, replay, total
from dgls.lab.bench.typing.sessions import Session
from dgls.lab.bench.typing.truth import COUNTED, TRUTH, Plan, steps_made


@dataclass(frozen=True, slots=True)
class Measured:
    """What the users of one policy saw, and its denoise steps and processor time.

    `cpu_s` is the engine's, in seconds, without its start.
    """

    policy: str
    tally: Tally
    steps: int
    cpu_s: float

    @property
    def wrong(self) -> int:
        """Suggestions that differ from what the user was about to type."""
        return self.tally.shown - self.tally.right


@dataclass(frozen=True, slots=True)
class Page:
    """Both policies on the same sessions; `chars` is what was to type, `model` the model's name."""

    machine: str
    sessions: int
    chars: int
    model: str
    dgls: Measured
    plain: Measured

    def to_text(self) -> str:
        """The page as Markdown."""
        typed = f"{self.sessions} sessions, {self.chars} characters to type, {self.model}."
        return f"{self.machine}\n\n{typed}\n\n{table(self.dgls, self.plain)}"

    def to_json(self) -> str:
        """The counts as JSON; waits in ms from the last key to a shown text, time in s."""
        policies = {each.policy: _counts(each) for each in (self.dgls, self.plain)}
        about = {"machine": self.machine, "sessions": self.sessions, "chars": self.chars}
        return json.dumps({**about, "model": self.model, "policies": policies}, indent=2)


def _counts(measured: Measured) -> dict[str, Any]:
    counts = dataclasses.asdict(measured.tally)
    counts["waits_ms"] = [round(each, 1) for each in counts["waits_ms"]]
    return {**counts, "wrong": measured.wrong, "steps": measured.steps, "cpu_s": measured.cpu_s}


@dataclass(frozen=True, slots=True)
class Replayed:
    """Sessions to type, `at_once` of them in parallel.

    The settings' model fills or, with a plan, the backend that knows the text to be typed.
    """

    sessions: Sequence[Session]
    plan: Plan | None
    at_once: int


async def measure(settings: Settings, replayed: Replayed, say: Callable[[str], None]) -> Page:
    """The results of both policies. `say` gets progress messages."""
    sessions, plan = replayed.sessions, replayed.plan
    found = []
    for policy in ("dgls", "plain"):
        say(f"{policy}: {len(sessions)} sessions")
        with tempfile.TemporaryDirectory(prefix="dgls-") as name:
            found.append(await _measured(settings, replayed, policy, Path(name)))
    what = "the settings' model" if plan is None else _described(plan)
    chars = sum(len(session.text) for session in sessions)
    return Page(machine(), len(sessions), chars, what, *found)


def table(dgls: Measured, plain: Measured) -> str:
    """Both policies side by side."""
    rows = [("", "dgls", "plain policy"), ("---", "---", "---")]
    rows += [
        (name, value(dgls), value(plain))
        for name, value in (
            ("suggestions shown per 100 keystrokes", _per_100(lambda each: each.tally.shown)),
            ("right ones among them", lambda each: _share(each.tally.right, each.tally.shown)),
            ("wrong ones per 100 keystrokes", _per_100(lambda each: each.wrong)),
            ("flicker per 100 keystrokes", _per_100(lambda each: each.tally.flicker)),
            ("stale shows", lambda each: str(each.tally.stale)),
            ("keystrokes saved", lambda each: _share(each.tally.saved, each.tally.chars)),
            ("last key to shown text, p50 (ms)", _wait(0.5)),
            ("last key to shown text, p90 (ms)", _wait(0.9)),
            ("denoise steps", lambda each: str(each.steps)),
            ("denoise steps per accepted character", _steps_per_char),
            ("processor time of the engine per 1,000 keystrokes (s)", _cpu_per_1000),
        )
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + f"\n\n{_compared(dgls, plain)}\n"


def _compared(dgls: Measured, plain: Measured) -> str:
    """dgls's figures relative to the plain policy's."""
    kept = _share(dgls.tally.saved, plain.tally.saved)
    wrong, steps = _share(dgls.wrong, plain.wrong), _share(dgls.steps, plain.steps)
    return (
        f"Beside the plain policy (ask at each keystroke, show all) dgls shows {wrong} of the "
        f"wrong suggestions, takes {steps} of the steps and saves {kept} of the keystrokes."
    )


async def _measured(settings: Settings, replayed: Replayed, policy: str, folder: Path) -> Measured:
    values = {"engine.folder": str(folder / "e"), "engine.backend": COUNTED}
    if replayed.plan is not None:
        values |= {"engine.backend": TRUTH, "model.name": str(replayed.plan.write(folder))}
    own = changed(settings, values)
    turns = asyncio.Semaphore(replayed.at_once)

    async def one(session: Session) -> Tally:
        async with turns, _front(policy, own, session.name) as front:
            return await replay(session, front)

    async with EngineClient(own) as client:
        await client.wait_ready()
        health = await client.health()
        pid = 0 if health is None else health.pid
        begun = cpu_seconds(pid)
        tallies = await asyncio.gather(*map(one, replayed.sessions))
        spent = cpu_seconds(pid) - begun
        await client.stop_engine()
    return Measured(policy, total(tallies), steps_made(folder / "e"), spent)


@asynccontextmanager
async def _front(policy: str, settings: Settings, name: str) -> AsyncIterator[Front]:
    if policy == "plain":
        async with EngineClient(settings) as client:
            yield PlainFront(client, name)
        return
    async with LanguageClient(_environment(settings)) as editor:
        await editor.initialize()
        yield ServerFront(editor)


def _environment(settings: Settings) -> dict[str, str]:
    names = ("engine.folder", "engine.backend", "model.name", "model.device", "model.threads")
    own = {f"DGLS_{name.replace('.', '_').upper()}": str(settings.value(name)) for name in names}
    # Suggestions in a replay must not count as shown to the user.
    return {**os.environ, **own, "DGLS_PRIVACY_COUNTS": "false"}


def _described(plan: Plan) -> str:
    return (
        f"no model but a backend that knows the truth and errs in {plan.error:.0%} of its fills, "
        f"each of which takes {plan.latency_ms:g} ms"
    )


def _per_100(value: Callable[[Measured], int]) -> Callable[[Measured], str]:
    return lambda each: f"{100 * value(each) / max(1, each.tally.keystrokes):.1f}"


def _wait(share: float) -> Callable[[Measured], str]:
    def shown(each: Measured) -> str:
        waits = tuple(each.tally.waits_ms)
        return f"{Series('', 'ms', waits).percentile(share):.0f}" if waits else "nothing shown"

    return shown


def _steps_per_char(each: Measured) -> str:
    accepted = each.tally.accepted_chars
    return f"{each.steps / accepted:.2f}" if accepted else "nothing accepted"


def _cpu_per_1000(each: Measured) -> str:
    return f"{1000 * each.cpu_s / max(1, each.tally.keystrokes):.0f}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"
