"""Kill the engine at random moments under four editors that go on asking.

    python -m tests.proofs.kills --kills 100

The engine runs the embedded model. Of five kills one hits the next engine too, while it starts.
Exits with 1 where a request was not answered exactly once, where an editor got its next fill later
than an engine may take to start, or where not one engine is left.
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

from dgls.client.stop import stop
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.errors import EngineUnavailableError
from dgls.lab.bench.machine import machine
from dgls.rendezvous.endpoint import endpoints
from tests.proofs.ending import end_on_sigterm
from tests.support.engines import ROOT, engines_in

EDITORS = 4
AGAIN_SHARE = 0.2
LONGEST_WAIT_S = 2.0
ASK_EVERY_S = (0.0, 0.3)
START_S = Settings().engine.start_seconds
TEXT = "def area(width, height):\n    return \n\n\ndef volume(side):\n    return side\n"
PLACE = {"line": 1, "character": 11}
INLINE = "textDocument/inlineCompletion"


@dataclass
class Counts:
    """What became of the requests of all editors, and how long an editor was without a fill."""

    asked: int = 0
    filled: int = 0
    empty: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[int, int]] = field(default_factory=Counter)
    recovered_s: list[float] = field(default_factory=list)

    def wrong(self, engines: int) -> list[str]:
        """What is not as it must be, in sentences; `engines` are left."""
        answered = [self.asked == len(self.answers), set(self.answers.values()) <= {1}]
        late = sum(each > START_S for each in self.recovered_s)
        found = {
            f"{self.asked} requests, {sum(self.answers.values())} answers": not all(answered),
            f"{late} times no fill within {START_S:g} s": late > 0,
            f"{engines} engines are left": engines != 1,
            "no fill came at all": not self.filled,
        }
        return [sentence for sentence, is_so in found.items() if is_so]


class Editor(LanguageClient):
    """An editor that asks for a fill over and over, and counts its answers."""

    def __init__(self, number: int, environment: dict[str, str], counts: Counts) -> None:
        super().__init__(environment)
        self.fills = 0
        self._own = number
        self._counts = counts
        self._random = random.Random(number)

    async def ask_on(self, until: asyncio.Event) -> None:
        """Open a document and ask, one request after the other or three at once."""
        uri = f"file:///proof/{self._own}.py"
        document = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
        self.notify("textDocument/didOpen", {"textDocument": document})
        version = 1
        while not until.is_set():
            # A text that the front-end has asked about already needs no engine.
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
        except EngineUnavailableError as error:
            self._counts.failed[str(error)[:90]] += 1
            return
        self.fills += bool(found)
        self._counts.filled += bool(found)
        self._counts.empty += not found

    async def _receive(self) -> dict[str, Any]:
        message = await super()._receive()
        if "method" not in message:
            self._counts.answers[self._own, message["id"]] += 1
        return message


async def main(kills: int, seed: int) -> int:
    """Kill so many engines; 0 where everything was as it must be, else 1."""
    end_on_sigterm()
    print(machine(), flush=True)
    counts = Counts()
    with tempfile.TemporaryDirectory(prefix="dgls-") as name:
        folder = Path(name) / "e"
        try:
            engines = await _under_editors(folder, kills, random.Random(seed), counts)
        finally:
            for endpoint in endpoints(changed(Settings(), {"engine.folder": str(folder)})):
                await stop(endpoint)
    for message, times in counts.failed.most_common():
        print(f"{times} x {message}")
    times_s = sorted(counts.recovered_s)
    print(
        f"{kills} kills, {counts.asked} requests, {counts.filled} filled, {counts.empty} empty, "
        f"{counts.failed.total()} failed; every editor filled again after "
        f"{statistics.median(times_s):.1f} s (median), {times_s[-1]:.1f} s (longest)"
    )
    wrong = counts.wrong(engines)
    print("; ".join(wrong) or "every request was answered once, one engine is left")
    return int(bool(wrong))


async def _under_editors(folder: Path, kills: int, chance: random.Random, counts: Counts) -> int:
    """Kill engines while the editors ask; how many engines are left at the end."""
    ended = asyncio.Event()
    async with AsyncExitStack() as stack:
        editors = [Editor(each, _environment(folder), counts) for each in range(EDITORS)]
        for editor in editors:
            await stack.enter_async_context(editor)
            await editor.initialize()
        asking = [asyncio.ensure_future(editor.ask_on(ended)) for editor in editors]
        try:
            await _all_filled(editors)
            killed = 0
            while killed < kills:
                await asyncio.sleep(chance.uniform(0, LONGEST_WAIT_S))
                killed += await _kill(folder)
                if killed < kills and chance.random() < AGAIN_SHARE:
                    await asyncio.sleep(chance.uniform(0, LONGEST_WAIT_S))
                    killed += await _kill(folder)
                    print("and again", flush=True)
                counts.recovered_s.append(await _all_filled(editors))
                print(f"{killed} kills, {counts.recovered_s[-1]:.1f} s", flush=True)
        finally:
            ended.set()
            await asyncio.gather(*asking)
        return len(engines_in(folder))


async def _kill(folder: Path) -> int:
    """Kill the engine that is there, if one is; how many were killed."""
    for pid in engines_in(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return 1
    return 0


async def _all_filled(editors: list[Editor]) -> float:
    """Wait until each editor has got another fill; the seconds that it took."""
    begun, had = time.monotonic(), [editor.fills for editor in editors]
    while any(editor.fills == before for editor, before in zip(editors, had, strict=True)):
        if time.monotonic() - begun > 2 * START_S:
            break
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


def _changed(uri: str, version: int) -> dict[str, Any]:
    """A change to a text that no version before had."""
    changes = [{"text": f"{TEXT}version = {version}\n"}]
    return {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes}


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DGLS_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(folder.parent),
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_MODEL_NAME": "embedded",
        "DGLS_PRIVACY_COUNTS": "false",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.kills, given.seed)))
