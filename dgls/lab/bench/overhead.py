"""Everything but the model: the server's start and memory, and a keystroke's round trip."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.editors.language_client import LanguageClient
from dgls.errors import EngineUnavailableError
from dgls.lab.bench.document import Document
from dgls.lab.bench.instant import FACTORY, LINE, LONG_FACTORY
from dgls.lab.bench.machine import resident_mb
from dgls.lab.bench.series import Series
from dgls.protocol import FillRequest

LINES = 10_000
_WARM_UP = 20
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_INDENT = "    "
_HERE = "def here(basket):"
_TYPED = f"{_INDENT}total = sum(item.price for item in basket)\n"


async def server_start(folder: Path, runs: int) -> list[Series]:
    """The time from starting `dgls lsp` to its answer to `initialize`, and its memory then."""
    times, memory = [], []
    # The first start writes the bytecode, which an installed package has already.
    for _ in range(1 + runs):
        begun = time.perf_counter()
        async with LanguageClient(environment(folder)) as editor:
            await editor.initialize()
            times.append(_ms_since(begun))
            memory.append(resident_mb(editor.pid))
    return [
        Series("`dgls lsp`: start to `initialize`", "ms", tuple(times[1:])),
        Series("`dgls lsp`: memory after `initialize`", "MB", tuple(memory[1:])),
    ]


async def keystrokes(folder: Path, count: int) -> list[Series]:
    """A keystroke in a file of 10,000 lines to its suggestion, with an instant model."""
    async with LanguageClient(environment(folder)) as editor:
        await editor.initialize()
        typist = _Typist(editor, 1)
        shown = [await typist.suggest()]
        times = []
        for number, character in enumerate(_typed(_WARM_UP + count)):
            begun = time.perf_counter()
            typist.type(character)
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


async def keystrokes_along(folder: Path, count: int) -> list[Series]:
    """A keystroke along the shown text in such a file, to the rest of that text."""
    times: list[float] = []
    async with EngineClient(_settings(folder, LONG_FACTORY)) as client:
        try:
            async with LanguageClient(environment(folder, LONG_FACTORY)) as editor:
                await editor.initialize()
                for number in itertools.count():
                    times += await _along(_Typist(editor, number))
                    if len(times) >= _WARM_UP + count:
                        break
        finally:
            await client.stop_engine()
    what = f"keystroke that agrees with the shown text, {LINES} lines"
    return [Series(what, "ms", tuple(times[_WARM_UP:][:count]))]


async def engine_calls(folder: Path, count: int) -> list[Series]:
    """A request to the engine and its reply, with an instant model."""
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


def environment(folder: Path, backend: str = FACTORY) -> dict[str, str]:
    """The environment of a `dgls lsp` whose engine has its socket in `folder`."""
    inherited = {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}
    return {
        **inherited,
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_ENGINE_BACKEND": backend,
        # The wait for a typing pause is intended and not overhead.
        "DGLS_TYPING_SHORTEST_DELAY_MS": "0",
        "DGLS_TYPING_LONGEST_DELAY_MS": "0",
        # Suggestions in a benchmark must not count as shown to the user.
        "DGLS_PRIVACY_COUNTS": "false",
    }


async def _along(typist: _Typist) -> list[float]:
    """The ms for each character of the suggested line, except its last one."""
    typist.type(_INDENT)
    shown = await typist.suggest()
    times = []
    for at, character in enumerate(LINE[:-1], 1):
        begun = time.perf_counter()
        typist.type(character)
        left = await typist.suggest()
        times.append(_ms_since(begun))
        if (shown, left) != (LINE, LINE[at:]):
            raise EngineUnavailableError("A keystroke along the shown text was not answered.")
    return times


class _Typist:
    """Types in its own large file, at the end of a line in the middle."""

    def __init__(self, editor: LanguageClient, number: int) -> None:
        text = _large_file()
        self._document = Document(editor, f"file:///bench/large_{number}.py", text)
        self._line = text.partition(_HERE)[0].count("\n") + 1
        self._column = 0

    def type(self, text: str) -> None:
        """Send a keystroke: a character, a new line, or an indentation."""
        self._document.change(self._cursor(), self._cursor(), text)
        is_new_line = text == "\n"
        self._line += is_new_line
        self._column = 0 if is_new_line else self._column + len(text)

    async def suggest(self) -> str | None:
        """The suggestion at the cursor, if any."""
        items = await self._document.suggestions(self._cursor())
        return str(items[0]["insertText"]) if items else None

    def _cursor(self) -> dict[str, int]:
        return {"line": self._line, "character": self._column}


def _typed(count: int) -> str:
    return "".join(itertools.islice(itertools.cycle(_TYPED), count))


def _large_file() -> str:
    """Python code of `LINES` lines with an empty line in the middle, below `_HERE`."""
    block = (
        "def price_{0}(basket):\n    total = 0\n    for item in basket:\n        total += item\n\n"
    )
    half = "".join(block.format(number) for number in range(LINES // 10))
    return f"{half}{_HERE}\n\n    return total\n\n\n{half}"


def _settings(folder: Path, backend: str = FACTORY) -> Settings:
    return changed(Settings(), {"engine.folder": str(folder), "engine.backend": backend})


def _ms_since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)
