"""A document of an editor that talks to a language server."""

from __future__ import annotations

from typing import Any

from dgls.editors.language_client import LanguageClient

Position = dict[str, int]
"""`line` and `character`, as in the protocol."""


class Document:
    """A document, opened at once; each query is about the version of the last change."""

    def __init__(
        self, editor: LanguageClient, uri: str, text: str, language: str = "python"
    ) -> None:
        self._editor = editor
        self._uri = uri
        self._version = 1
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        editor.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, start: Position, end: Position, text: str) -> None:
        """Replace the text between two positions."""
        self._version += 1
        change = {"range": {"start": start, "end": end}, "text": text}
        params = {"textDocument": self._identifier, "contentChanges": [change]}
        self._editor.notify("textDocument/didChange", params)

    async def suggestions(self, cursor: Position) -> list[Any]:
        """The inline completions at a cursor, as during typing."""
        context = {"triggerKind": _AUTOMATIC}
        return await self._asked("inlineCompletion", cursor, context=context) or []

    async def next_edits(self, cursor: Position) -> list[Any]:
        """The next edits offered at a cursor."""
        answer = await self._asked("copilotInlineEdit", cursor)
        return list(answer["edits"])

    async def _asked(self, method: str, cursor: Position, **others: Any) -> Any:
        params = {"textDocument": self._identifier, "position": cursor, **others}
        return await self._editor.request(f"textDocument/{method}", params)

    @property
    def _identifier(self) -> dict[str, Any]:
        return {"uri": self._uri, "version": self._version}


_AUTOMATIC = 2
"""LSP's trigger kind of an automatic request."""
