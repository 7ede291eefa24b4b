"""The typing loop: when the model is asked, what stays on the screen, and what is left alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dgls.lsp.report import State
from dgls.protocol import FillReply, FillRequest, Trigger
from tests.lsp.session import URI, ScriptedFiller, Session, initialized, place, reply, until

HEADER = "def area(side):\n    return \n"
NO_PREFETCH = {"typing": {"prefetch": False}}


def shown(items: object) -> list[object]:
    """The texts that the editor shows, with their places."""
    assert items is None or isinstance(items, list)
    return [(item.insert_text, item.range.start.character) for item in items or []]


async def command(session: Session, name: str, *arguments: object) -> None:
    await session.client.workspace_execute_command_async(
        types.ExecuteCommandParams(command=name, arguments=list(arguments))
    )


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("s", "ide * side"),
        ("side", " * side"),
        ("side * ", "side"),
        ("side * sid", "e"),
    ],
)
async def test_typing_or_accepting_a_part_shows_the_rest_without_a_request(
    filler: ScriptedFiller, typed: str, left: str
) -> None:
    filler.answer = lambda request: reply("side * side")
    async with initialized(filler, options=NO_PREFETCH) as session:
        await session.open(HEADER)
        assert shown(await session.ask(1, 11)) == [("side * side", 11)]

        await session.changed(1, 11, typed)
        items = await session.ask(1, 11 + len(typed))

    assert shown(items) == [(left, 11 + len(typed))]
    assert len(filler.requests) == 1


@pytest.mark.parametrize("automatic", [True, False])
@pytest.mark.parametrize(("typed", "left"), [("side", " * side"), ("abs", "(side) ** 2")])
async def test_the_rest_of_any_requested_candidate_stays_shown(
    filler: ScriptedFiller, typed: str, left: str, automatic: bool
) -> None:
    options = {**NO_PREFETCH, "show": {"automatic": automatic}}
    # Too unsure to be shown automatically.
    texts = ("side * side", "abs(side) ** 2", "side")
    filler.answer = lambda request: reply(*texts, confidence=0.1)
    async with initialized(filler, options=options) as session:
        await session.open(HEADER)
        await session.ask(1, 11, invoked=True)

        await session.changed(1, 11, typed)
        items = await session.ask(1, 11 + len(typed))

    assert shown(items) == [(left, 11 + len(typed))]
    assert len(filler.requests) == 1


async def test_deleting_typed_text_shows_the_suggestion_again_without_a_request(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("side * side")
    async with initialized(filler, options=NO_PREFETCH) as session:
        await session.open(HEADER)
        await session.ask(1, 11)
        await session.changed(1, 11, "si")
        await session.changed(1, 12, "", end_column=13)

        assert shown(await session.ask(1, 12)) == [("ide * side", 12)]
    assert len(filler.requests) == 1


async def test_no_request_is_sent_during_a_burst_of_typing(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("1")
    await session.open("x \n")
    asked = []
    for column, char in enumerate("= ", start=2):
        session.change(0, column, char)
        asked.append(session.ask(0, column + 1))

    results = await asyncio.gather(*asked)

    assert [shown(result) for result in results] == [[], [("1", 4)]]
    assert filler.requests[0].parts[0] == "x = "


async def test_an_explicit_request_does_not_wait_for_a_pause(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("1")
    options = {"typing": {"shortest_delay_ms": 5000, "longest_delay_ms": 5000}}
    async with initialized(filler, options=options) as session:
        await session.open("x \n")
        await session.changed(0, 2, "= ")
        async with asyncio.timeout(4):
            assert shown(await session.ask(0, 4, invoked=True)) == [("1", 4)]


async def test_the_next_gap_is_filled_ahead_and_answered_at_once(
    session: Session, filler: ScriptedFiller
) -> None:
    fills = {"    ": "x = 1", "    x = 1\n    ": "return x"}

    def answer(request: FillRequest) -> FillReply:
        return reply(fills[request.parts[0].removeprefix("def f():\n")])

    filler.answer = answer
    await session.open("def f():\n    \n")
    assert shown(await session.ask(1, 4)) == [("x = 1", 4)]
    await until(lambda: len(filler.requests) == 2)
    assert filler.requests[1].trigger is Trigger.AUTOMATIC

    await session.changed(1, 4, "x = 1")
    await session.changed(1, 9, "\n    ")

    assert shown(await session.ask(2, 4)) == [("return x", 4)]
    await until(lambda: session.server.fills.known(filler.requests[1]))
    assert [request.parts[0] for request in filler.requests[:2]] == [
        "def f():\n    ",
        "def f():\n    x = 1\n    ",
    ]
    assert all("x = 1" in request.parts[0] for request in filler.requests[1:])


async def test_in_a_long_file_with_crlf_the_next_gap_is_filled_ahead_too(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("x = 1" if len(filler.requests) == 1 else "return x")
    lines = 6_000
    await session.open("# a\r\n" * lines + "def f():\r\n    \r\n")
    assert shown(await session.ask(lines + 1, 4)) == [("x = 1", 4)]
    await until(lambda: len(filler.requests) == 2)
    await session.changed(lines + 1, 4, "x = 1")
    await session.changed(lines + 1, 9, "\r\n    ")
    assert shown(await session.ask(lines + 2, 4)) == [("return x", 4)]
    assert len(filler.requests) == 2


async def test_a_real_request_stops_a_fill_ahead(session: Session, filler: ScriptedFiller) -> None:
    def answer(request: FillRequest) -> FillReply:
        filler.hold()
        return reply("1")

    filler.answer = answer
    await session.open("x = \n\n")
    await session.ask(0, 4)
    await until(lambda: len(filler.requests) == 2)
    asked = session.ask(1, 0, invoked=True)
    await until(lambda: len(filler.requests) == 3)

    await until(lambda: filler.cancelled == 1)
    filler.go.set()
    await asked


async def test_a_deleted_suggestion_is_not_offered_again(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("side * side")
    async with initialized(filler, options=NO_PREFETCH) as session:
        await session.open(HEADER)
        await session.ask(1, 11)
        await session.changed(1, 11, "side * side")
        await session.changed(1, 21, "", end_column=22)
        assert await session.ask(1, 21) is None
        await session.changed(1, 11, "", end_column=21)
        assert await session.ask(1, 11) is None
        assert len(filler.requests) == 1

        await session.changed(0, 0, " ")
        await session.changed(0, 0, "", end_column=1)
        assert await session.ask(1, 11) is None
        assert shown(await session.ask(1, 11, invoked=True)) == [("side * side", 11)]


async def test_a_suggestion_that_breaks_the_syntax_is_not_shown_automatically(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("side side (")
    await session.open(HEADER)

    assert await session.ask(1, 11) is None


async def test_two_requests_for_one_place_are_one_fill(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    filler.answer = lambda request: reply("1")
    await session.open("x = \n")
    asked = [session.ask(0, 4), session.ask(0, 4)]
    await filler.arrived.wait()
    filler.go.set()

    assert [shown(await each) for each in asked] == [[("1", 4)], [("1", 4)]]
    assert filler.requests[0] is not filler.requests[-1] or len(filler.requests) == 1
    assert sum(request.parts == ("x = ", "\n") for request in filler.requests) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"show": {"automatic": False}},
        {"show": {"languages_off": ["python"]}},
        {"show": {"files_off": ["*.py"]}},
        {"show": {"files_off": ["/example.py"]}},
        {"privacy": {"trusted": False}},
        {"privacy": {"secrets": ["example.*"]}},
    ],
    ids=str,
)
async def test_off_means_no_request_and_no_model(
    filler: ScriptedFiller, options: dict[str, object]
) -> None:
    filler.answer = lambda request: reply("1")
    async with initialized(filler, options=options) as session:
        assert await session.complete("x = ⟦⟧\n") is None

    assert filler.requests == []
    assert filler.loads == 0


@pytest.mark.parametrize("unasked", [True, False])
async def test_a_language_unknown_to_the_model_gets_no_automatic_suggestions(
    filler: ScriptedFiller, unasked: bool
) -> None:
    filler.answer, filler.languages = lambda request: reply("1"), ("python",)
    async with initialized(filler) as session:
        uri = URI.replace(".py", ".rs")
        await session.open("let x = ;\n", uri=uri, language="rust")
        found = await session.ask(0, 8, invoked=not unasked, uri=uri)
        report = session.server.indicator.report
        await session.open("x = \n")
        assert await session.ask(0, 4) is not None

    if unasked:
        assert found is None
        assert report.message == "the model was not trained on this language"
    else:
        assert [item.insert_text for item in found] == ["1"]


async def test_an_excluded_file_is_not_filled_by_a_code_action_either(
    session: Session, filler: ScriptedFiller
) -> None:
    uri = "file:///code/elsewhere/secret.py"
    await session.open("def f():\n    pass\n", uri=uri)
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=uri),
        range=types.Range(start=place(1, 4), end=place(1, 4)),
        context=types.CodeActionContext(diagnostics=[]),
    )
    (action,) = await session.client.text_document_code_action_async(params) or []
    assert isinstance(action, types.CodeAction)

    resolved = await session.resolve(action)

    assert resolved.edit is None
    assert await session.ask(1, 4, uri=uri, invoked=True) is None
    assert filler.requests == []
    assert session.client.messages


async def test_suggestions_can_be_snoozed(session: Session, filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1")
    await command(session, "dgls.snooze", 10)
    assert await session.complete("x = ⟦⟧\n") is None
    assert filler.requests == []

    session.server.permission.clock = lambda: time.monotonic() + 601
    assert await session.ask(0, 4)

    await command(session, "dgls.snooze")
    assert await session.ask(0, 4) is None
    with pytest.raises(JsonRpcException, match="minutes"):
        await command(session, "dgls.snooze", "long")
    await command(session, "dgls.resume")
    assert await session.ask(0, 4)

    await command(session, "dgls.snooze", 5)
    assert session.server.indicator.report.state is State.OFF
    await command(session, "dgls.snooze", 0)
    assert session.server.indicator.report.state is not State.OFF


async def test_a_changed_dgls_toml_applies_from_the_next_request(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    filler.answer = lambda request: reply("1")
    folder = tmp_path / "config" / "dgls"
    folder.mkdir(parents=True)
    async with initialized(filler) as session:
        assert await session.complete("x = ⟦⟧\n")

        (folder / "dgls.toml").write_text("[show]\nautomatic = false\ncolour = 1\n")
        assert await session.ask(0, 4) is None
        await until(lambda: session.client.messages)
        assert "show.colour" in session.client.messages[0].message

        (folder / "dgls.toml").write_text("[model]\nthreads = 2\n")
        await session.changed(0, 0, "y")
        assert await session.ask(0, 5)
        assert filler.settings is not None
        assert filler.settings.model.threads == 2
        assert filler.loads == 2


async def test_a_workspace_folder_has_its_own_settings(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    filler.answer = lambda request: reply("1")
    quiet = tmp_path / "project" / "quiet"
    quiet.mkdir(parents=True)
    (quiet / "dgls.toml").write_text("[show]\nautomatic = false\n")
    async with initialized(filler, root=(tmp_path / "project").as_uri()) as session:
        here, there = (quiet / "a.py").as_uri(), (tmp_path / "project" / "b.py").as_uri()
        await session.open("x = \n", uri=here)
        await session.open("x = \n", uri=there)

        assert await session.ask(0, 4, uri=here) is None
        assert await session.ask(0, 4, uri=there)


async def test_defaults_sent_by_an_editor_do_not_override_files(
    filler: ScriptedFiller, tmp_path: Path
) -> None:
    from dgls.lsp.configuration import said

    sent = {"show": {"automatic": True, "threshold": 0.5, "files_off": []}, "colour": "red"}
    assert said(sent) == {"show": {"threshold": 0.5}, "colour": "red"}


async def test_the_documents_of_a_closed_session_are_forgotten(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("side")
    await session.open(HEADER)
    await session.ask(1, 11)
    closed = types.TextDocumentIdentifier(uri=URI)
    session.client.text_document_did_close(types.DidCloseTextDocumentParams(closed))
    await until(lambda: session.server.documents.get(URI) is None)

    assert session.server.typists.of(URI).shown is None
