"""The time from the last key of an edit to the offer of its next place."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from dgls.editors.language_client import LanguageClient
from dgls.errors import EngineUnavailableError
from dgls.lab.bench.document import Document
from dgls.lab.bench.overhead import environment
from dgls.lab.bench.series import Series

LINES = 2_000
PAUSE_MS = 150
"""How long the clients for Neovim and VS Code wait after the last key."""

_BETWEEN_KEYS_S = 0.05
_OLD, _NEW = "basket", "wares"
_BLOCK = (
    "def price_{0}(basket, rate):\n    total = 0\n    for item in basket:\n"
    "        total += item.price * rate\n    return round(total, len(basket))\n\n\n"
)


async def pause_to_offer(folder: Path, count: int) -> list[Series]:
    """Rename a parameter key by key, each time in the next function of a long file."""
    lines, functions = _BLOCK.count("\n"), LINES // _BLOCK.count("\n")
    text = "".join(_BLOCK.format(number) for number in range(functions))
    times = []
    async with LanguageClient(environment(folder)) as editor:
        await editor.initialize()
        typist = _Typist(editor, text)
        for number in range(min(count, functions)):
            typist.go_to(number * lines, len(f"def price_{number}("))
            times.append(await _renamed(typist))
    return [Series(f"pause to next edit, {LINES} lines", "ms", tuple(times))]


async def _renamed(typist: _Typist) -> float:
    """The ms from the last key of a renamed parameter to the offer of its next use."""
    typist.change(len(_OLD), "")
    for character in _NEW:
        await asyncio.sleep(_BETWEEN_KEYS_S)
        typist.change(0, character)
    begun = time.perf_counter()
    await asyncio.sleep(PAUSE_MS / 1000)
    # The nearest come first; places of earlier edits are still offered after them.
    if (await typist.offered())[:2] != [_NEW, _NEW]:
        raise EngineUnavailableError(
            "A renamed parameter was not followed by the offer of its uses."
        )
    return 1000 * (time.perf_counter() - begun)


class _Typist:
    """Edits one document."""

    def __init__(self, editor: LanguageClient, text: str) -> None:
        self._document = Document(editor, "file:///bench/next_edit.py", text)
        self._line = self._column = 0

    def go_to(self, line: int, column: int) -> None:
        """Set the cursor."""
        self._line, self._column = line, column

    def change(self, gone: int, text: str) -> None:
        """Replace `gone` characters after the cursor by a text, and move after it."""
        end = {"line": self._line, "character": self._column + gone}
        self._document.change(self._cursor(), end, text)
        self._column += len(text)

    async def offered(self) -> list[str]:
        """The texts of the next edits."""
        return [edit["text"] for edit in await self._document.next_edits(self._cursor())]

    def _cursor(self) -> dict[str, int]:
        return {"line": self._line, "character": self._column}
