"""An hour of typing at 5 keys a second: memory, descriptors and threads of both processes.

    python -m tests.proofs.soak --minutes 60 --model qwen2.5-coder-0.5b-instruct

Prints a row a minute. Exits with 1 where, after the first ten minutes, the front-end grew by 2 MB
or more, the engine by 20 MB or more, or descriptors or threads grew, or where a request failed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import dgls
from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.lab.bench.machine import machine, resident_mb
from dgls.lab.bench.typing.sessions import synthetic_sessions
from dgls.rendezvous.endpoint import absolute
from tests.proofs.ending import end_on_sigterm
from tests.proofs.typist import Tally, Typist

KEYS_A_SECOND = 5
SESSIONS = 200
SETTLED_MINUTES = 10
FRONT_END_MB, ENGINE_MB = 2.0, 20.0
LAST_ANSWER_S = 30.0
FEW = 2
"""Up to this many descriptors may belong to a request in progress."""


@dataclass(frozen=True, slots=True)
class Size:
    """The resources of a process: memory in MB, open descriptors, threads."""

    mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Size:
        """The present resources of the process `pid`."""
        process = Path("/proc") / str(pid)
        return cls(
            resident_mb(pid),
            len(list((process / "fd").iterdir())),
            len(os.listdir(process / "task")),
        )

    def __str__(self) -> str:
        return f"{self.mb:.1f} | {self.descriptors} | {self.threads}"


@dataclass(frozen=True, slots=True)
class Sample:
    """Both processes after `minutes` minutes."""

    minutes: float
    front_end: Size
    engine: Size


async def main(minutes: float, model: str) -> int:
    """Type for `minutes` minutes with `model`; 0 if nothing grew, else 1.

    SIGTERM ends it like Ctrl-C: the engine and the front-end end too.
    """
    end_on_sigterm()
    print(f"{machine()}, model {model}\n", flush=True)
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="dgls-") as name:
        settings = changed(Settings(), {"engine.folder": name, "model.name": model})
        async with EngineClient(absolute(settings)) as client:
            await client.wait_ready()
            health = await client.health()
            assert health is not None
            try:
                samples = await _typed(name, model, health.pid, minutes, tally)
            finally:
                await client.stop_engine()
    wrong = [*what_grew(samples), *sorted(set(tally.failures))]
    print(f"\n{tally.keys} keys, {tally.asked} requests, {tally.answered} answers, ", end="")
    print(f"{tally.shown} with a text; {'; '.join(wrong) or 'nothing grew'}")
    return int(bool(wrong))


def what_grew(samples: list[Sample]) -> list[str]:
    """Resources that grew by more than allowed after the first ten minutes, in sentences.

    Memory fluctuates because it is freed late, so the mean of the last three samples counts.
    """
    settled = [each for each in samples if each.minutes >= SETTLED_MINUTES]
    if len(settled) < 6:
        return ["the run was too short to tell"]
    first, last = settled[:3], settled[-3:]
    grown = []
    for who, limit in (("front_end", FRONT_END_MB), ("engine", ENGINE_MB)):
        for what, most in (("mb", limit), ("descriptors", FEW), ("threads", FEW)):
            by = _mean(last, who, what) - _mean(first, who, what)
            if by >= most:
                grown.append(f"{what} of the {who} grew by {by:.1f}")
    return grown


def _mean(samples: list[Sample], who: str, what: str) -> float:
    return sum(float(getattr(getattr(each, who), what)) for each in samples) / len(samples)


async def _typed(
    folder: str, model: str, engine: int, minutes: float, tally: Tally
) -> list[Sample]:
    environment = {
        **os.environ,
        "DGLS_ENGINE_FOLDER": folder,
        "DGLS_MODEL_NAME": model,
        "DGLS_PRIVACY_COUNTS": "false",
    }
    async with LanguageClient(environment) as editor:
        await editor.initialize()
        typing = asyncio.ensure_future(_type_on(editor, tally))
        try:
            return await _samples(editor.pid, engine, minutes, typing)
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)


async def _type_on(editor: LanguageClient, tally: Tally) -> None:
    """Type until it is cancelled, and then wait for the answer to each request."""
    sessions = synthetic_sessions(Path(dgls.__file__).parent, SESSIONS, seed=0)
    typist = Typist(editor, tally)
    try:
        for number, session in enumerate(itertools.cycle(sessions)):
            folder = f"file:///proof/{number // SESSIONS}"
            await typist.type(session, folder, 1 / KEYS_A_SECOND)
    finally:
        # The last request may still be running; cutting it off at the end is not a fault.
        try:
            async with asyncio.timeout(LAST_ANSWER_S):
                await typist.settled()
        except TimeoutError:
            tally.failures.append(f"no answer in the last {LAST_ANSWER_S:.0f} s")


async def _samples(
    front_end: int, engine: int, minutes: float, typing: asyncio.Task[None]
) -> list[Sample]:
    print("| minute | front-end MB | fds | threads | engine MB | fds | threads |")
    print("|---|---|---|---|---|---|---|", flush=True)
    begun = time.monotonic()
    samples: list[Sample] = []
    while (passed := (time.monotonic() - begun) / 60) <= minutes:
        samples.append(Sample(passed, Size.of(front_end), Size.of(engine)))
        print(f"| {passed:.0f} | {samples[-1].front_end} | {samples[-1].engine} |", flush=True)
        if (await asyncio.wait({typing}, timeout=60))[0]:
            await typing
    return samples


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--model", default="qwen2.5-coder-0.5b-instruct")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.minutes, given.model)))
