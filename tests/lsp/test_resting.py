"""Where the cursor rests in a document that is being written, the line is filled ahead."""

from __future__ import annotations

import asyncio

import pytest
from lsprotocol import types

import dgls.lsp.resting
from dgls.protocol import Trigger
from tests.lsp.session import Session, initialized, reply, until
from tests.lsp.test_typing_loop import shown

AUTOMATIC, INVOKED = types.CodeActionTriggerKind.Automatic, types.CodeActionTriggerKind.Invoked
TEXT = "def area(width, height):\n    return \n\n\nx = \n"


@pytest.fixture(autouse=True)
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dgls.lsp.resting, "REST_S", 0.02)


async def written(session: Session) -> None:
    """Open a document and type in it, with nothing left on the screen."""
    session.filler.answer = lambda request: reply("")
    await session.open(TEXT)
    await session.changed(4, 4, "1")
    session.filler.requests.clear()


async def rests(session: Session, trigger: types.CodeActionTriggerKind | None) -> None:
    await session.actions((1, 11), (1, 11), trigger=trigger)
    await asyncio.sleep(0.1)


async def test_the_fill_is_there_when_the_user_types_on(session: Session) -> None:
    await written(session)
    session.filler.answer = lambda request: reply("width * height")
    await rests(session, AUTOMATIC)
    (request,) = session.filler.requests
    assert request.trigger is Trigger.AUTOMATIC
    assert request.parts[0].endswith("    return ")
    assert shown(await session.ask(1, 11)) == [("width * height", 11)]
    assert len(session.filler.requests) == 1


@pytest.mark.parametrize(
    "trigger",
    [INVOKED, None, AUTOMATIC],
    ids=["asked for", "not said", "a document that is only read"],
)
async def test_nothing_is_filled_ahead_otherwise(
    session: Session, trigger: types.CodeActionTriggerKind | None
) -> None:
    if trigger is AUTOMATIC:
        await session.open(TEXT)
    else:
        await written(session)
    await rests(session, trigger)
    assert session.filler.requests == []


async def test_a_selection_and_a_cursor_in_a_word_ask_for_nothing(session: Session) -> None:
    await written(session)
    await session.actions((1, 4), (1, 10), trigger=AUTOMATIC)
    await session.actions((1, 6), (1, 6), trigger=AUTOMATIC)
    await asyncio.sleep(0.1)
    assert session.filler.requests == []


async def test_a_setting_turns_it_off(filler) -> None:
    async with initialized(filler, options={"typing": {"prefetch": False}}) as session:
        await written(session)
        await rests(session, AUTOMATIC)
        assert filler.requests == []


async def test_who_types_on_has_the_model(session: Session) -> None:
    await written(session)
    session.filler.hold()
    await session.actions((1, 11), (1, 11), trigger=AUTOMATIC)
    await until(lambda: session.filler.requests)
    await session.changed(1, 11, "w")
    asked = asyncio.ensure_future(session.ask(1, 12))
    await until(lambda: session.filler.cancelled == 1)
    session.filler.go.set()
    await asked
