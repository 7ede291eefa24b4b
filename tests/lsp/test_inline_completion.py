"""`textDocument/inlineCompletion`, from the client's request to its one reply."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from dgls.errors import EngineUnavailableError, Stopped
from dgls.protocol import FillRequest, Trigger
from tests.lsp.session import (
    URI,
    ScriptedFiller,
    Session,
    accepted,
    initialized,
    only_item,
    place,
    reply,
    until,
)
from tests.support.marks import cursor_of


def suggests(*texts: str, confidence: float = 0.9) -> ScriptedFiller:
    return ScriptedFiller(lambda request: reply(*texts, confidence=confidence))


@pytest.mark.parametrize(
    ("marked", "fill", "expected"),
    [
        ("def add(a, b):\n    return ⟦⟧\n", "a + b", "def add(a, b):\n    return a + b\n"),
        ("total = sum(⟦⟧)\n", "prices", "total = sum(prices)\n"),
        ("total = sum(⟦⟧)\n", "prices)", "total = sum(prices)\n"),
        ("x = (⟦⟧", "1, 2)", "x = (1, 2)"),
        ("⟦⟧", "import os", "import os"),
        ("if x:\n\t⟦⟧\n", "y = 1", "if x:\n\ty = 1\n"),
        ("a = 1\r\nb = ⟦⟧\r\n", "2", "a = 1\r\nb = 2\r\n"),
        ("x = 1  # é\ny = ⟦⟧", "x", "x = 1  # é\ny = x"),
    ],
)
async def test_a_suggestion_is_inserted_at_the_cursor_and_replaces_nothing(
    session: Session, filler: ScriptedFiller, marked: str, fill: str, expected: str
) -> None:
    filler.answer = lambda request: reply(fill)

    item = only_item(await session.complete(marked))

    assert item.range is not None
    assert item.range.start == item.range.end
    assert accepted(cursor_of(marked)[0], item) == expected


async def test_the_request_has_the_context_and_the_client(
    session: Session, filler: ScriptedFiller
) -> None:
    await session.complete("import os\r\n\r\nx = ⟦⟧\r\nprint(x)\r\n")

    (request,) = filler.requests
    assert request.parts == ("import os\n\nx = ", "\nprint(x)\n")
    assert request.path == "example.py"
    assert request.language == "python"
    assert request.version == 1
    assert request.client == session.server.client.id
    assert request.method == "textDocument/inlineCompletion"


@pytest.mark.parametrize(
    ("invoked", "trigger", "lines", "deadline"),
    [(False, Trigger.AUTOMATIC, 1, 2_000), (True, Trigger.EXPLICIT, 8, 20_000)],
)
async def test_an_explicit_suggestion_may_be_longer_and_take_longer(
    session: Session,
    filler: ScriptedFiller,
    invoked: bool,
    trigger: Trigger,
    lines: int,
    deadline: float,
) -> None:
    await session.complete("x = ⟦⟧", invoked=invoked)

    (request,) = filler.requests
    assert request.trigger is trigger
    assert request.gaps[0].max_lines == lines
    assert request.limits.deadline_ms == deadline


async def test_an_unsure_suggestion_is_shown_only_on_request(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("1", confidence=0.1)

    assert await session.complete("x = ⟦⟧") is None
    assert only_item(await session.ask(0, 4, invoked=True)).insert_text == "1"


@pytest.mark.parametrize(("setting", "own", "shown"), [(0.0, 0.8, False), (0.6, 0.8, True)])
async def test_the_models_threshold_applies_unless_the_user_sets_one(
    filler: ScriptedFiller, setting: float, own: float, shown: bool
) -> None:
    filler.answer = lambda request: replace(reply("1", confidence=0.7), threshold=own)
    async with initialized(filler, options={"show": {"threshold": setting}}) as session:
        items = await session.complete("x = ⟦⟧")

    assert bool(items) is shown


async def test_an_explicit_request_offers_distinct_candidates_best_first(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("1", "2", "1")

    items = await session.complete("x = ⟦⟧", invoked=True)
    unasked = await session.ask(0, 4)

    assert [item.insert_text for item in items] == ["1", "2"]
    assert filler.requests[0].limits.candidates == 4
    assert [item.insert_text for item in unasked] == ["1"]


async def test_typing_the_suggestion_shortens_it(session: Session, filler: ScriptedFiller) -> None:
    filler.hold()
    filler.answer = lambda request: reply("a + b")
    await session.open("x = \n")
    asked = session.ask(0, 4)
    await filler.arrived.wait()
    await session.changed(0, 4, "a +")
    filler.go.set()

    item = only_item(await asked)

    assert item.insert_text == " b"
    assert item.range == types.Range(start=place(0, 7), end=place(0, 7))


async def test_a_bracket_that_the_editor_closes_counts_as_typed(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    filler.answer = lambda request: reply("(a)")
    await session.open("f\n")
    asked = session.ask(0, 1)
    await filler.arrived.wait()
    await session.changed(0, 1, "()")
    filler.go.set()

    item = only_item(await asked)

    assert accepted("f()\n", item) == "f(a)\n"


@pytest.mark.parametrize("typed", ["b", "a + b", "a + bc"])
async def test_typing_anything_else_drops_the_suggestion(
    session: Session, filler: ScriptedFiller, typed: str
) -> None:
    filler.hold()
    filler.answer = lambda request: reply("a + b")
    await session.open("x = \n")
    asked = session.ask(0, 4)
    await filler.arrived.wait()
    await session.changed(0, 4, typed)
    filler.go.set()

    assert await asked is None


async def test_a_change_elsewhere_or_a_close_drops_the_suggestion(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    filler.answer = lambda request: reply("1")
    await session.open("x = \ny = 2\n")
    asked = session.ask(0, 4)
    await filler.arrived.wait()
    await session.changed(1, 4, "3", end_column=5)
    closed = types.TextDocumentIdentifier(uri=URI)
    also_asked = session.ask(0, 4)
    await until(lambda: len(filler.requests) == 2)
    session.client.text_document_did_close(types.DidCloseTextDocumentParams(closed))
    await until(lambda: session.server.documents.get(URI) is None)
    filler.go.set()

    assert await asked is None
    assert await also_asked is None


async def test_a_request_sees_the_document_as_it_was_when_it_arrived(
    session: Session, filler: ScriptedFiller
) -> None:
    await session.open("x = \n")
    asked = session.ask(0, 4)
    # Sent at once: the server reads it before the request's handler begins.
    session.change(0, 0, "# ")

    await asked

    assert [request.parts[0] for request in filler.requests] in ([], ["x = "])


async def test_a_superseded_request_is_answered_null(
    session: Session, filler: ScriptedFiller
) -> None:
    def stopped(request: FillRequest) -> None:
        raise Stopped("The fill was stopped (superseded); nothing was changed.")

    filler.answer = stopped  # type: ignore[assignment]

    assert await session.complete("x = ⟦⟧") is None
    assert session.client.messages == []


async def test_a_cancelled_request_stops_its_fill_and_is_answered_once(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    await session.open("x = \n")
    asked = session.ask(0, 4, msg_id="to-cancel")
    await filler.arrived.wait()

    session.client.cancel_request(types.CancelParams(id="to-cancel"))

    with pytest.raises(JsonRpcRequestCancelled):
        await asked
    assert filler.cancelled == 1


async def test_a_failing_engine_is_reported_once_and_suggests_nothing(
    session: Session, filler: ScriptedFiller
) -> None:
    def fail(request: FillRequest) -> None:
        raise EngineUnavailableError("The engine failed; nothing was changed.")

    filler.answer = fail  # type: ignore[assignment]
    await session.open("x = \n")

    assert await session.ask(0, 4) is None
    assert await session.ask(0, 4) is None

    (message,) = session.client.messages
    assert message.message == "dgls: The engine failed; nothing was changed."
    assert message.type is types.MessageType.Error


@pytest.mark.parametrize(("line", "column"), [(5, 0), (2**31 - 1, 2**31 - 1)])
async def test_a_cursor_after_the_text_gets_nothing(
    session: Session, filler: ScriptedFiller, line: int, column: int
) -> None:
    filler.answer = lambda request: reply("1")
    await session.open("x = \n")

    assert await session.ask(line, column) is None
    assert filler.requests == []


async def test_a_cursor_after_its_line_means_the_line_end(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("1")
    await session.open("x = \n")

    item = only_item(await session.ask(0, 99))

    assert item.range == types.Range(start=place(0, 4), end=place(0, 4))


async def test_an_unknown_language_or_document_gets_nothing(
    session: Session, filler: ScriptedFiller
) -> None:
    await session.open("x := 1", uri="file:///code/x.go", language="go")

    assert await session.ask(0, 4, uri="file:///code/x.go") is None
    assert await session.ask(0, 4, uri="file:///code/never-opened.py") is None
    assert filler.requests == []
    assert filler.loads == 0


async def test_a_long_document_with_a_syntax_error_at_the_cursor_is_answered(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("3)")
    await session.open("value = 1\n" * 50_000 + "f(((")

    item = only_item(await session.ask(50_000, 4))

    assert item.insert_text == "3)"
    assert len(filler.requests[0].parts[0]) <= 4_000


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 11), ("utf-16", 9), ("utf-32", 8)])
async def test_positions_count_in_the_agreed_encoding(
    filler: ScriptedFiller, encoding: str, column: int
) -> None:
    filler.answer = lambda request: reply("'b'")
    async with initialized(filler, encoding=encoding) as session:
        await session.open("x = '😀' \n")
        item = only_item(await session.ask(0, column))

    assert session.client.capabilities is not None
    assert filler.requests[0].parts[0] == "x = '😀' "
    assert item.range == types.Range(start=place(0, column), end=place(0, column))


async def test_suggestions_while_typing_can_be_switched_off(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1")
    async with initialized(filler, options={"show": {"automatic": False}}) as session:
        assert await session.complete("x = ⟦⟧") is None
        assert only_item(await session.ask(0, 4, invoked=True)).insert_text == "1"


async def test_an_editor_that_keeps_old_suggestions_on_null_is_told_to_clear_them(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("")
    async with initialized(filler, client_name="Neovim") as session:
        assert await session.complete("x = ⟦⟧") == []


async def test_simultaneous_requests_get_one_reply_each(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    filler.answer = lambda request: reply(str(len(request.parts[0])))
    await session.open("".join(f"{'x' * n} = \n" for n in range(1, 6)))
    asked = [session.ask(n - 1, n + 3, invoked=True) for n in range(1, 6)]
    await until(lambda: len(filler.requests) == 5)
    filler.go.set()

    results = await asyncio.gather(*asked)

    texts = [only_item(result).insert_text for result in results]
    assert texts == [str(len(request.parts[0])) for request in filler.requests]
