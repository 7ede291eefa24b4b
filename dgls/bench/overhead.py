"""Everything but the model: the server's start and memory, and a keystroke's way there and back."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

from dgls.bench.instant import FACTORY
from dgls.bench.language_client import LanguageClient
from dgls.bench.machine import resident_mb
from dgls.bench.series import Series
from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import EngineUnavailableError
from dgls.protocol import FillRequest

LINES = 10_000
_URI = "file:///bench/large.py"
_WARM_UP = 20
_TYPED = "    total = sum(item.price for item in basket)\n"


async def server_start(folder: Path, runs: int) -> list[Series]:
    """From starting `dgls lsp` to its answer to `initialize`, and its memory then."""
    times, memory = [], []
    for _ in range(runs):
        begun = time.perf_counter()
        async with LanguageClient(_environment(folder)) as editor:
            await editor.initialize()
            times.append(_ms_since(begun))
            memory.append(resident_mb(editor.pid))
    return [
        Series("`dgls lsp`: start to `initialize`", "ms", tuple(times)),
        Series("`dgls lsp`: memory after `initialize`", "MB", tuple(memory)),
    ]


async def keystrokes(folder: Path, count: int) -> list[Series]:
    """A keystroke in a file of 10,000 lines to its suggestion, by a model that answers at once."""
    async with LanguageClient(_environment(folder)) as editor:
        await editor.initialize()
        typist = _Typist(editor, _large_file())
        shown = [await typist.suggest()]
        times = []
        for number in range(_WARM_UP + count):
            begun = time.perf_counter()
            typist.type_one()
            shown.append(await typist.suggest())
            if number >= _WARM_UP:
                times.append(_ms_since(begun))
        memory = resident_mb(editor.pid)
    if not any(shown):
        raise EngineUnavailableError("No keystroke was answered with a suggestion.")
    what = f"keystroke to suggestion, {LINES} lines, model at once"
    return [
        Series(what, "ms", tuple(times)),
        Series("`dgls lsp`: memory with that file open", "MB", (memory,)),
    ]


async def engine_calls(folder: Path, count: int) -> list[Series]:
    """A request to the engine and its reply, by a model that answers at once."""
    request = FillRequest(("x = 1\n" * 200, "y = 2\n" * 80), path="bench.py")
    times = []
    async with EngineClient(_settings(folder)) as client:
        for number in range(_WARM_UP + count):
            begun = time.perf_counter()
            await client.fill(request)
            if number >= _WARM_UP:
                times.append(_ms_since(begun))
        await client.stop_engine()
    return [Series("engine: request to reply, model at once", "ms", tuple(times))]


class _Typist:
    """Types at the end of a line in the middle of a file, one character at a time."""

    def __init__(self, editor: LanguageClient, text: str) -> None:
        self._editor = editor
        self._line = text.count("\n") // 2
        self._column = 0
        self._version = 1
        self._typed = itertools.cycle(_TYPED)
        document = {"uri": _URI, "languageId": "python", "version": 1, "text": text}
        editor.notify("textDocument/didOpen", {"textDocument": document})

    def type_one(self) -> None:
        """Send one more character."""
        character = next(self._typed)
        self._version += 1
        change = {"range": {"start": self._cursor(), "end": self._cursor()}, "text": character}
        self._editor.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": _URI, "version": self._version},
                "contentChanges": [change],
            },
        )
        is_new_line = character == "\n"
        self._line += is_new_line
        self._column = 0 if is_new_line else self._column + 1

    async def suggest(self) -> bool:
        """Whether something is suggested at the cursor."""
        automatic = 2
        items = await self._editor.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": _URI},
                "position": self._cursor(),
                "context": {"triggerKind": automatic},
            },
        )
        return bool(items)

    def _cursor(self) -> dict[str, int]:
        return {"line": self._line, "character": self._column}


def _large_file() -> str:
    """Python of `LINES` lines whose middle line is empty and inside a function."""
    block = (
        "def price_{0}(basket):\n    total = 0\n    for item in basket:\n        total += item\n\n"
    )
    half = "".join(block.format(number) for number in range(LINES // 10))
    return f"{half}def here(basket):\n\n    return total\n\n\n{half}"


def _settings(folder: Path) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), "engine.backend": FACTORY})


def _environment(folder: Path) -> dict[str, str]:
    settings = {"DGLS_ENGINE_FOLDER": str(folder), "DGLS_ENGINE_BACKEND": FACTORY}
    return {**os.environ, **settings}


def _ms_since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)
