"""An editor that types a session's text key by key into `dgls lsp` and asks after each key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from dgls.editors.language_client import LanguageClient
from dgls.lab.bench.typing.sessions import Session

INLINE = "textDocument/inlineCompletion"
AUTOMATIC = 2


@dataclass
class Tally:
    """Counts of keys, requests, answers and shown texts, and failures by message."""

    keys: int = 0
    asked: int = 0
    answered: int = 0
    shown: int = 0
    failures: list[str] = field(default_factory=list)


class Typist:
    """Types into documents of `editor`; every request is counted in `tally`."""

    def __init__(self, editor: LanguageClient, tally: Tally) -> None:
        self._editor = editor
        self._tally = tally
        self._asking: set[asyncio.Task[None]] = set()

    async def type(self, session: Session, folder: str, key_s: float) -> None:
        """Open the session's file, type its text, one key each `key_s` seconds, and close it."""
        uri = f"{folder}/{session.name}"
        text = session.before + session.after
        language = "python" if session.name.endswith(".py") else "plaintext"
        document = {"uri": uri, "languageId": language, "version": 0, "text": text}
        self._editor.notify("textDocument/didOpen", {"textDocument": document})
        line = session.before.count("\n")
        column = len(session.before) - session.before.rfind("\n") - 1
        for version, key in enumerate(session.text, 1):
            self._press(uri, version, key, line, column)
            line, column = (line + 1, 0) if key == "\n" else (line, column + 1)
            task = asyncio.ensure_future(self._ask(uri, line, column))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            await asyncio.sleep(key_s)
        await self.settled()
        self._editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    async def settled(self) -> None:
        """Wait until every request has been answered."""
        await asyncio.gather(*self._asking)

    def _press(self, uri: str, version: int, key: str, line: int, column: int) -> None:
        place = {"line": line, "character": column}
        change = {"range": {"start": place, "end": place}, "text": key}
        document = {"uri": uri, "version": version}
        self._tally.keys += 1
        self._editor.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [change]}
        )

    async def _ask(self, uri: str, line: int, column: int) -> None:
        self._tally.asked += 1
        params: dict[str, Any] = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": column},
            "context": {"triggerKind": AUTOMATIC},
        }
        try:
            items = await self._editor.request(INLINE, params)
        except Exception as error:
            self._tally.failures.append(f"{type(error).__name__}: {error}")
            return
        self._tally.answered += 1
        self._tally.shown += bool(items)
