"""The other places of an edit, through a real client: the code action and the next edits."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from tests.lsp.session import URI, ScriptedFiller, Session, initialized

CART = "def total(items, tax):\n    net = sum(items)\n    return items, net * tax\n"
TITLE = "Apply the change to the 2 other places (`items` was renamed `lines`)"


async def asked(
    session: Session, line: int, uri: str = URI, version: int = 2, column: int = 0
) -> list[Any]:
    document = {"uri": uri, "version": version}
    params = {"textDocument": document, "position": {"line": line, "character": column}}
    request = session.client.protocol.send_request("textDocument/copilotInlineEdit", params)
    answer = await asyncio.wrap_future(request)
    edits = answer["edits"] if isinstance(answer, dict) else answer.edits
    return list(edits)


async def test_an_action_renames_the_other_uses_in_this_version(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    (action,) = [a for a in await session.actions((0, 0), (0, 0)) if "other places" in a.title]
    assert action.title == TITLE
    resolved = await session.resolve(action)
    assert resolved.edit is not None
    assert resolved.edit.document_changes is not None
    (change,) = resolved.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 2
    places = [edit.range.start for edit in change.edits]  # type: ignore[union-attr]
    assert [(place.line, place.character) for place in places] == [(1, 14), (2, 11)]


async def test_next_edits_come_nearest_first(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    assert [edit.range.start.line for edit in await asked(session, 2, column=11)] == [2, 1]
    assert [edit.text for edit in await asked(session, 0)] == ["lines", "lines"]


async def test_an_older_version_is_answered_with_silence(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    assert await asked(session, 1, version=1) == []


async def test_an_undo_between_the_list_and_the_choice_gives_no_edit(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    action = (await session.actions((0, 0), (0, 0)))[0]
    await session.changed(0, 10, "items", 15)
    assert (await session.resolve(action)).edit is None
    assert await asked(session, 1, version=3) == []


async def test_a_place_whose_change_was_undone_is_not_offered_again(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    await session.changed(1, 14, "lines", 19)
    await session.changed(1, 14, "items", 19)
    assert [edit.range.start.line for edit in await asked(session, 1, version=4)] == [2]
    titles = [action.title for action in await session.actions((0, 0), (0, 0))]
    assert TITLE in titles, "an explicit request gets it"
    await session.changed(0, 10, "items", 15)
    await session.changed(0, 10, "lines", 15)
    assert [edit.range.start.line for edit in await asked(session, 1, version=6)] == [1, 2]


async def test_a_read_only_file_gets_nothing(session: Session, tmp_path: Path) -> None:
    file = tmp_path / "cart.py"
    file.write_text(CART)
    file.chmod(0o444)
    await session.open(CART, file.as_uri())
    await session.changed(0, 10, "lines", 15, uri=file.as_uri())
    if not os.access(file, os.W_OK):
        assert await asked(session, 1, file.as_uri()) == []


async def test_one_setting_turns_next_edits_off(filler: ScriptedFiller) -> None:
    options = {"edits": {"enabled": False}}
    async with initialized(filler, options=options) as session:
        await session.open(CART)
        await session.changed(0, 10, "lines", 15)
        assert await asked(session, 1) == []
        assert not await session.actions((0, 0), (0, 0))


@pytest.mark.parametrize(
    ("options", "come"),
    [
        ({}, True),
        ({"show": {"automatic": False}}, False),
        ({"show": {"languages_off": ["python"]}}, False),
        ({"show": {"files_off": ["example.py"]}}, False),
        ({"show": {"threshold": 1.0}}, True),
    ],
)
async def test_without_automatic_suggestions_only_the_action_is_offered(
    filler: ScriptedFiller, options: dict[str, Any], come: bool
) -> None:
    async with initialized(filler, options=options) as session:
        await session.open(CART)
        await session.changed(0, 10, "lines", 15)
        assert bool(await asked(session, 1)) is come
        titles = [action.title for action in await session.actions((0, 0), (0, 0))]
        assert TITLE in titles


async def test_while_snoozed_no_next_edit_is_offered(session: Session) -> None:
    await session.open(CART)
    await session.changed(0, 10, "lines", 15)
    run = session.client.workspace_execute_command_async
    await run(types.ExecuteCommandParams(command="dgls.snooze", arguments=[5]))
    assert await asked(session, 1) == []
    await run(types.ExecuteCommandParams(command="dgls.resume"))
    assert await asked(session, 1)


async def test_shown_and_accepted_notifications_are_handled(session: Session) -> None:
    await session.open(CART)
    session.client.protocol.notify("textDocument/didShowInlineEdit", {"item": {}})
    command = types.ExecuteCommandParams(command="dgls.nextEdit.accepted", arguments=["rename"])
    assert await session.client.workspace_execute_command_async(command) is None


CALLED = "def run(job, log):\n    pass\n\n\ndef all_of(log):\n    run(1)\n"
CALLER = "from jobs import run\n\n\ndef nightly(log):\n    run(2)\n"


@pytest.mark.parametrize(("name", "places"), [("nightly.py", 1), ("secrets.py", 0)])
async def test_an_open_file_that_imports_the_function_is_changed_unless_it_is_private(
    session: Session, name: str, places: int
) -> None:
    await session.open(CALLER, f"file:///code/project/{name}")
    await session.open(CALLED)
    await session.changed(5, 9, ", log")
    edits = await asked(session, 5)
    assert [edit.text for edit in edits] == [", log"] * places
    assert all(edit.textDocument.uri.endswith(name) for edit in edits)


@pytest.mark.parametrize("params", [{}, {"textDocument": {"uri": URI}}, {"position": 3}])
async def test_invalid_parameters_are_refused(session: Session, params: Any) -> None:
    request = session.client.protocol.send_request("textDocument/copilotInlineEdit", params)
    with pytest.raises(JsonRpcInvalidParams):
        await asyncio.wrap_future(request)
