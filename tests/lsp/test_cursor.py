"""The line of a resting cursor is filled ahead in a document that is being written."""

from __future__ import annotations

import asyncio

import pytest

from dgls.lsp.fills import AHEAD_AFTER_S
from dgls.protocol import Trigger
from tests.lsp.session import URI, ScriptedFiller, Session, initialized, reply, until
from tests.lsp.test_typing_loop import shown

TEXT = "def area(width, height):\n    return \n\n\nx = \n"


async def written(session: Session) -> None:
    """Open a document and type in it, with nothing left on the screen."""
    session.filler.answer = lambda request: reply("")
    await session.open(TEXT)
    await session.changed(4, 4, "1")
    session.filler.requests.clear()


async def rests(session: Session, line: int, column: int, **other: object) -> None:
    """Report the cursor to the server, and let a fill begin."""
    at = {"line": line, "character": column}
    params = {"textDocument": {"uri": URI}, "position": at, **other}
    assert await session.client.protocol.send_request_async("dgls/cursor", params) is None
    await asyncio.sleep(AHEAD_AFTER_S + 0.2)


async def test_the_fill_is_ready_when_the_user_types_on(session: Session) -> None:
    await written(session)
    session.filler.answer = lambda request: reply("width * height")
    await rests(session, 1, 11)
    (request,) = session.filler.requests
    assert request.trigger is Trigger.AUTOMATIC
    assert request.parts[0].endswith("    return ")
    assert shown(await session.ask(1, 11)) == [("width * height", 11)]
    assert len(session.filler.requests) == 1


async def test_a_document_that_is_only_read_is_not_filled(session: Session) -> None:
    await session.open(TEXT)
    await rests(session, 1, 11)
    assert session.filler.requests == []


@pytest.mark.parametrize(
    ("line", "column", "other"),
    [
        (1, 6, {}),
        (99, 0, {}),
        (1, 11, {"textDocument": {"uri": "file:///elsewhere.py"}}),
        (1, 11, {"textDocument": None}),
        (1, 11, {"position": {"line": "x"}}),
    ],
    ids=["in a word", "no line", "no document", "no document named", "no place"],
)
async def test_other_places_start_and_stop_no_fill(
    session: Session, line: int, column: int, other: dict[str, object]
) -> None:
    await written(session)
    await rests(session, line, column, **other)
    assert session.filler.requests == []
    await rests(session, 1, 11)
    assert len(session.filler.requests) == 1


async def test_a_suggestion_on_the_screen_is_left_alone(session: Session) -> None:
    await written(session)
    session.filler.answer = lambda request: reply("width * height")
    await session.changed(1, 11, "w")
    await session.ask(1, 12)
    session.filler.requests.clear()
    await rests(session, 1, 12)
    asked = [each.parts[0].rpartition("\n")[2] for each in session.filler.requests]
    assert "    return w" not in asked


async def test_a_setting_turns_filling_ahead_off(filler: ScriptedFiller) -> None:
    async with initialized(filler, options={"typing": {"prefetch": False}}) as session:
        await written(session)
        await rests(session, 1, 11)
        assert filler.requests == []


async def test_typing_takes_the_model_from_a_fill_ahead(session: Session) -> None:
    await written(session)
    session.filler.hold()
    await rests(session, 1, 11)
    assert len(session.filler.requests) == 1
    await session.changed(1, 11, "w")
    asked = asyncio.ensure_future(session.ask(1, 12))
    await until(lambda: session.filler.cancelled == 1)
    session.filler.go.set()
    await asked
