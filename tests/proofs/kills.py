"""Kill the engine at random moments under four editors that go on asking.

    python -m tests.proofs.kills --kills 100

The engine runs the embedded model. Of five kills one hits the next engine too, while it starts.
Exits with 1 where a request was not answered exactly once, where an editor got no fill soon after
the next engine was ready or that engine was not ready within `engine.start_seconds`, or where not
one engine is left. On a busy machine that start takes long; `--start-seconds` allows for it, and
`--minutes` ends the run before all kills were made.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgls.client import EngineClient
from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.errors import EngineUnavailableError
from dgls.lab.bench.machine import machine
from dgls.protocol import EngineState
from dgls.rendezvous.endpoint import endpoints
from tests.proofs.ending import end_on_sigterm
from tests.support.engines import ROOT, engines_in

EDITORS = 4
AGAIN_SHARE = 0.2
LONGEST_WAIT_S = 2.0
ASK_EVERY_S = (0.0, 0.3)
SOON_S = 10.0
GIVE_UP_S = 300.0
POLL_S = 0.05
TEXT = "def area(width, height):\n    return \n\n\ndef volume(side):\n    return side\n"
PLACE = {"line": 1, "character": 11}
INLINE = "textDocument/inlineCompletion"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds from a kill until the next engine was ready, and until every editor got a fill."""

    ready_s: float
    filled_s: float


@dataclass
class Counts:
    """The results of all editors' requests, and how long an editor was without a fill."""

    asked: int = 0
    sent: int = 0
    filled: int = 0
    empty: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    kills: int = 0
    recoveries: list[Recovery] = field(default_factory=list)

    def wrong(self, engines: int, start_s: float) -> list[str]:
        """The violations, in sentences; `engines` are left."""
        answered = [self.sent == len(self.answers), set(self.answers.values()) <= {1}]
        slow = sum(each.ready_s > start_s for each in self.recoveries)
        late = sum(each.filled_s - each.ready_s > SOON_S for each in self.recoveries)
        found = {
            f"{self.sent} requests, {sum(self.answers.values())} answers": not all(answered),
            f"{slow} times no engine was ready within {start_s:g} s": slow > 0,
            f"{late} times no fill within {SOON_S:g} s of a ready engine": late > 0,
            f"{engines} engines are left": engines != 1,
            "no fill came at all": not self.filled,
        }
        return [sentence for sentence, is_so in found.items() if is_so]


class Editor(LanguageClient):
    """An editor that requests fills repeatedly, and counts its answers."""

    def __init__(self, number: int, environment: dict[str, str], counts: Counts) -> None:
        super().__init__(environment)
        self.fills = 0
        self._own = number
        self._counts = counts
        self._random = random.Random(number)

    async def ask_on(self, until: asyncio.Event) -> None:
        """Open a document and send requests, one after the other or three at once."""
        uri = f"file:///proof/{self._own}.py"
        document = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
        self.notify("textDocument/didOpen", {"textDocument": document})
        version = 1
        while not until.is_set():
            # A text that the front-end has asked about before would need no engine.
            version += 1
            self.notify("textDocument/didChange", _changed(uri, version))
            together = self._random.choice((1, 1, 3))
            await asyncio.gather(*(self._ask(uri) for _ in range(together)))
            await asyncio.sleep(self._random.uniform(*ASK_EVERY_S))

    async def _ask(self, uri: str) -> None:
        params = {"textDocument": {"uri": uri}, "position": PLACE, "context": {"triggerKind": 1}}
        self._counts.asked += 1
        try:
            found = await self.request(INLINE, params)
        except (EngineUnavailableError, TimeoutError) as error:
            self._counts.failed[str(error)[:90] or "no answer"] += 1
            return
        self.fills += bool(found)
        self._counts.filled += bool(found)
        self._counts.empty += not found

    async def request(self, method: str, params: Any = None) -> Any:
        """Count every request, including those that begin and end the session."""
        self._counts.sent += 1
        return await super().request(method, params)

    async def _receive(self) -> dict[str, Any]:
        message = await super()._receive()
        if "method" not in message:
            self._counts.answers[self._own, message["id"]] += 1
        return message


async def main(kills: int, seed: int, minutes: float, start_s: float) -> int:
    """Kill `kills` engines; 0 if everything was as required, else 1."""
    end_on_sigterm()
    print(machine(), flush=True)
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="dgls-") as name:
        folder = Path(name) / "e"
        try:
            run = _Run(folder, kills, minutes, start_s, random.Random(seed), counts)
            engines = await run.under_editors()
        finally:
            for endpoint in endpoints(_settings(folder)):
                await stop(endpoint)
    for message, times in counts.failed.most_common():
        print(f"{times} x {message}")
    ready, filled = (
        [each.ready_s for each in counts.recoveries],
        [each.filled_s for each in counts.recoveries],
    )
    print(
        f"{counts.kills} kills, {counts.asked} requests, {counts.filled} filled, "
        f"{counts.empty} empty, {counts.failed.total()} failed; the next engine was ready after "
        f"{statistics.median(ready):.1f} s (median; longest {max(ready):.1f}), every editor filled "
        f"again after {statistics.median(filled):.1f} s (longest {max(filled):.1f})"
    )
    wrong = counts.wrong(engines, start_s)
    print("; ".join(wrong) or "every request was answered once, one engine is left")
    return int(bool(wrong))


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of kills."""

    folder: Path
    kills: int
    minutes: float
    start_s: float
    chance: random.Random
    counts: Counts

    async def under_editors(self) -> int:
        """Kill engines while the editors ask; returns how many engines are left at the end."""
        ended = asyncio.Event()
        environment = _environment(self.folder, self.start_s)
        async with AsyncExitStack() as stack:
            editors = [Editor(each, environment, self.counts) for each in range(EDITORS)]
            for editor in editors:
                await stack.enter_async_context(editor)
                await editor.initialize()
            asking = [asyncio.ensure_future(editor.ask_on(ended)) for editor in editors]
            try:
                await self._recovered(editors)
                await self._kill_on(editors)
            finally:
                ended.set()
                await asyncio.gather(*asking)
            return len(engines_in(self.folder))

    async def _kill_on(self, editors: list[Editor]) -> None:
        give_up = time.monotonic() + 60 * self.minutes
        while self.counts.kills < self.kills and time.monotonic() < give_up:
            await self._kill()
            if self.counts.kills < self.kills and self.chance.random() < AGAIN_SHARE:
                await self._kill()
            recovery = await self._recovered(editors)
            self.counts.recoveries.append(recovery)
            print(
                f"{self.counts.kills} kills, ready after {recovery.ready_s:.1f} s, "
                f"filled after {recovery.filled_s:.1f} s",
                flush=True,
            )

    async def _kill(self) -> None:
        """Kill the running engine after a while, if there is one."""
        await asyncio.sleep(self.chance.uniform(0, LONGEST_WAIT_S))
        for pid in engines_in(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.counts.kills += 1

    async def _recovered(self, editors: list[Editor]) -> Recovery:
        """Wait until each editor has got another fill."""
        begun, had = time.monotonic(), [editor.fills for editor in editors]
        ready: float | None = None
        async with EngineClient(_settings(self.folder)) as client:
            while any(editor.fills == before for editor, before in zip(editors, had, strict=True)):
                passed = time.monotonic() - begun
                if passed > GIVE_UP_S:
                    return Recovery(ready or passed, passed)
                if ready is None and (health := await client.health()) is not None:
                    ready = passed if health.state is EngineState.READY else None
                await asyncio.sleep(POLL_S)
        passed = time.monotonic() - begun
        return Recovery(ready or passed, passed)


def _settings(folder: Path) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), "model.name": "embedded"})


def _changed(uri: str, version: int) -> dict[str, Any]:
    """A change to a text that no earlier version had."""
    changes = [{"text": f"{TEXT}version = {version}\n"}]
    return {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes}


def _environment(folder: Path, start_s: float) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DGLS_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(folder.parent),
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_ENGINE_START_SECONDS": str(start_s),
        "DGLS_MODEL_NAME": "embedded",
        "DGLS_PRIVACY_COUNTS": "false",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--start-seconds", type=float, default=Settings().engine.start_seconds)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.kills, given.seed, given.minutes, given.start_seconds)))
