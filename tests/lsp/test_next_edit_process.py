"""The other places of an edit, offered by the real `dgls lsp` process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lsprotocol import types

from tests.lsp.session import place
from tests.lsp.test_process import folder, opened, served, uri_of

__all__ = ["folder"]

TEXT = "def total(items, tax):\n    net = sum(items)\n    return net * tax\n"


async def test_the_process_offers_an_action_and_a_next_edit(folder: Path) -> None:
    async with served(folder) as client:
        opened(client, "a.py", TEXT)
        identifier = types.VersionedTextDocumentIdentifier(uri=uri_of("a.py"), version=2)
        range_ = types.Range(start=place(0, 10), end=place(0, 15))
        change = types.TextDocumentContentChangePartial(range=range_, text="lines")
        client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

        asked = {
            "textDocument": {"uri": uri_of("a.py"), "version": 2},
            "position": {"line": 0, "character": 15},
        }
        answer = await asyncio.wrap_future(
            client.protocol.send_request("textDocument/copilotInlineEdit", asked)
        )
        (edit,) = answer.edits
        params = types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri_of("a.py")),
            range=types.Range(start=place(0, 0), end=place(0, 0)),
            context=types.CodeActionContext(diagnostics=[]),
        )
        actions = await client.text_document_code_action_async(params)
        resolved = await client.code_action_resolve_async(actions[0])

    assert (edit.text, edit.range.start.line, edit.textDocument.version) == ("lines", 1, 2)
    assert edit.command.title == "`items` was renamed `lines`"
    assert resolved.edit.document_changes[0].text_document.version == 2
    assert [each.new_text for each in resolved.edit.document_changes[0].edits] == ["lines"]
