"""Edits by instruction in an editor: the action, the command, and when there is no edit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from dgls.lsp.features.instruct import ASK, EDIT, KIND
from tests.lsp.session import (
    URI,
    ScriptedFiller,
    Session,
    connected,
    initialize_params,
    until,
)
from tests.support.backends import edited_reply

SOURCE = "class A:\n    def f(self):\n        return 1\n"
RANGE = {"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 0}}
ONE_BY_TWO = "replace return 1 by return 2"


@asynccontextmanager
async def opened(
    filler: ScriptedFiller, text: str = SOURCE, uri: str = URI, asks: bool = True
) -> AsyncIterator[Session]:
    """A session with an open document and a model that edits."""
    filler.answer = edited_reply
    async with connected(filler) as session:
        params = initialize_params(options={"edits": {"model": "embedded"}})
        if asks:
            params.capabilities.experimental = {"dglsInstruction": True}
        await session.client.initialize_session(params)
        await session.open(text, uri)
        yield session


async def run(session: Session, *arguments: Any, msg_id: str | None = None) -> Any:
    params = types.ExecuteCommandParams(command=EDIT, arguments=list(arguments))
    method = types.WORKSPACE_EXECUTE_COMMAND
    sent = session.client.protocol.send_request(method, params, msg_id=msg_id)
    return await asyncio.wrap_future(sent)


async def test_a_selection_offers_the_editors_input_box(
    filler: ScriptedFiller,
) -> None:
    async with opened(filler) as session:
        found = await session.actions((1, 0), (3, 0), [KIND])
        empty = await session.actions((1, 0), (1, 0), [KIND])
        filling = await session.actions((1, 0), (3, 0), ["refactor.rewrite.dgls"])
    (action,) = found
    # The test's client parses every action with a command as a bare command.
    assert ASK in str(action.command)
    assert URI in str(action.command)
    assert empty == []
    assert [each.title for each in filling] == ["Rewrite the selection"]
    assert filler.requests == []


async def test_editors_without_an_input_box_get_no_such_action(filler: ScriptedFiller) -> None:
    async with opened(filler, asks=False) as session:
        assert await session.actions((1, 0), (3, 0), [KIND]) == []


async def test_the_command_gives_an_edit_and_its_difference(filler: ScriptedFiller) -> None:
    async with opened(filler) as session:
        made = await run(session, URI, RANGE, ONE_BY_TWO)
    edit = made["edit"]
    assert edit["newText"] == "def f(self):\n        return 2"
    assert (edit["range"]["start"], edit["range"]["end"]) == (
        {"line": 1, "character": 4},
        {"line": 2, "character": 16},
    )
    assert (made["uri"], made["version"], made["model"]) == (URI, 1, "scripted")
    assert "-        return 1\n+        return 2\n" in made["diff"]
    (request,) = filler.requests
    assert (request.instruction, request.gaps[0].text) == (
        ONE_BY_TWO,
        "def f(self):\n        return 1",
    )


async def test_an_editor_without_an_input_box_is_sent_the_edit(filler: ScriptedFiller) -> None:
    async with opened(filler, asks=False) as session:
        sent: list[types.ApplyWorkspaceEditParams] = []

        @session.client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            sent.append(params)
            return types.ApplyWorkspaceEditResult(applied=True)

        await run(session, URI, RANGE, ONE_BY_TWO)
    (params,) = sent
    (change,) = params.edit.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 1
    assert "return 2" in change.edits[0].new_text


BAD = {
    "no arguments": ((), "takes a URI, a range and an instruction"),
    "no instruction": ((URI, RANGE), "takes a URI, a range and an instruction"),
    "a number": ((URI, RANGE, 3), "takes a URI, a range and an instruction"),
    "an empty one": ((URI, RANGE, " "), "instruction is empty"),
    "one of 100 kB": ((URI, RANGE, "x" * 100_000), "100000 characters"),
    "no range": ((URI, None, "x"), "takes a URI, a range and an instruction"),
    "another document": (("file:///b.py", RANGE, "x"), "no such place"),
    "an empty range": ((URI, {"start": RANGE["start"], "end": RANGE["start"]}, "x"), "no code"),
    "a refused answer": ((URI, RANGE, "replace return 1 by return ("), "breaks the syntax"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_raises_one_error(filler: ScriptedFiller, name: str) -> None:
    arguments, words = BAD[name]
    async with opened(filler) as session:
        with pytest.raises(JsonRpcException, match=words):
            await run(session, *arguments)


async def test_a_secret_file_is_left_alone(filler: ScriptedFiller) -> None:
    secret = "file:///code/project/.env"
    async with opened(filler, "A = 1\n", secret) as session:
        with pytest.raises(JsonRpcException, match="Nothing was done"):
            await run(session, secret, RANGE, "x")
    assert filler.requests == []


async def test_a_changed_document_gets_no_edit(filler: ScriptedFiller) -> None:
    filler.hold()
    async with opened(filler) as session:
        asked = asyncio.ensure_future(run(session, URI, RANGE, ONE_BY_TWO))
        await filler.arrived.wait()
        await session.changed(0, 7, "B")
        filler.go.set()
        with pytest.raises(JsonRpcException, match="has changed meanwhile"):
            await asked


async def test_an_edit_can_be_cancelled(filler: ScriptedFiller) -> None:
    filler.hold()
    async with opened(filler) as session:
        asked = asyncio.ensure_future(run(session, URI, RANGE, ONE_BY_TWO, msg_id="7"))
        await filler.arrived.wait()
        session.client.cancel_request(types.CancelParams(id="7"))
        with pytest.raises(JsonRpcRequestCancelled):
            await asked
        await until(lambda: filler.cancelled == 1)
