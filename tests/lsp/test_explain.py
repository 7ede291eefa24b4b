"""The command `dgls.why`, as an editor runs it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lsprotocol import types

from dgls.lsp.features.why import WHY
from dgls.protocol import FillReply, FillRequest, Trigger
from tests.lsp.session import URI, ScriptedFiller, Session, connected, initialize_params, reply


async def why(session: Session, *arguments: Any) -> Any:
    """Run the command."""
    params = types.ExecuteCommandParams(command=WHY, arguments=list(arguments))
    return await session.client.workspace_execute_command_async(params)


def messages(session: Session) -> list[str]:
    return [message.message for message in session.client.messages]


async def test_the_last_suggestion_is_explained(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("42", confidence=0.1)
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.complete("x = ⟦⟧\n")
        found = await why(session)
        asked = len(filler.requests)

    assert asked == 1
    assert found["candidates"][0]["refused"]["rule"] == "unsure"
    assert "quiet here: the model is not sure" in messages(session)[-1]
    assert "not shown: the model is not sure enough" in messages(session)[-1]


async def test_an_editor_with_one_line_for_messages_gets_only_the_reason(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("42", confidence=0.1)
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params(client_name="helix"))
        await session.complete("x = ⟦⟧\n")
        await why(session)

    assert messages(session)[-1] == (
        "Quiet while typing: the model is not sure enough (10%, shown from 50%)."
    )


async def test_a_place_is_explained(filler: ScriptedFiller) -> None:
    """Once as during typing, once as on request: the model searches differently and may differ."""

    def answer(request: FillRequest) -> FillReply:
        return reply("42") if request.trigger is Trigger.AUTOMATIC else reply("43", "44")

    filler.answer = answer
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.open("x = \n")
        found = await why(session, URI, {"line": 0, "character": 4})
        typed, asked = filler.requests
        await session.ask(0, 4)
        await session.ask(0, 4, invoked=True)

    # The editor's own request at that place is the same except for the method.
    as_typed, as_asked = filler.requests[2:]
    assert (typed.trigger, asked.trigger) == (Trigger.AUTOMATIC, Trigger.EXPLICIT)
    assert (typed.gaps, typed.limits) == (as_typed.gaps, as_typed.limits)
    assert (asked.gaps, asked.limits) == (as_asked.gaps, as_asked.limits)
    assert found["shown"] == "42"
    assert [each["texts"] for each in found["candidates"]] == [["42"]]
    assert found["when_asked"] == {"shown": ["43", "44"], "silence": None}
    assert "Shown while typing: '42'\nShown when asked: '43', and 1 more" in messages(session)[-1]


async def test_an_explicit_request_is_explained_despite_silence_while_typing(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("42", confidence=0.01)
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.open("x = \n")
        found = await why(session, URI, {"line": 0, "character": 4})
        filler.answer = lambda request: reply("", confidence=0.9)
        empty = await why(session, URI, {"line": 0, "character": 4})

    assert (found["shown"], found["when_asked"]["shown"]) == (None, ["42"])
    assert (empty["shown"], empty["when_asked"]["shown"]) == (None, [])
    assert empty["when_asked"]["silence"]["rule"] == "empty"
    assert "Quiet when asked: " in messages(session)[-1]


async def test_the_reason_for_not_asking_is_explained(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("42")
    async with connected(filler) as session:
        options = {"show": {"languages_off": ["python"]}}
        await session.client.initialize_session(initialize_params(options=options))
        await session.open("x = \n")
        found = await why(session, URI, {"line": 0, "character": 4})

    assert found["silence"]["rule"] == "language_off"
    assert found["shown"] is None


async def test_a_client_that_shows_the_answer_itself_gets_no_message(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("42")
    async with connected(filler) as session:
        params = initialize_params()
        params.capabilities.experimental = {"dglsExplanation": True}
        await session.client.initialize_session(params)
        await session.open("x = \n")
        found = await why(session, URI, {"line": 0, "character": 4})

    assert found["text"].startswith("Shown while typing: '42'")
    assert messages(session) == []


async def test_a_replys_note_to_the_user_is_shown_once(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: replace(reply("42"), note="The server is down.")
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.open("x = \n\ny = \n")
        for line in (0, 2):
            await session.ask(line, 4)

    assert messages(session).count("dgls: The server is down.") == 1


async def test_before_any_request_the_state_is_explained(filler: ScriptedFiller) -> None:
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        assert await why(session) is None

    assert "Nothing was asked." in messages(session)[-1]


@pytest.mark.parametrize("arguments", [[3], [URI], [URI, {"line": 9, "character": 0}], [URI, "x"]])
async def test_a_wrong_place_is_refused(filler: ScriptedFiller, arguments: list[Any]) -> None:
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.open("x = \n")
        with pytest.raises(Exception, match="nothing was asked"):
            await why(session, *arguments)
