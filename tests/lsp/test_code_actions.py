"""Code actions: listed from the syntax tree alone, computed when one is chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import attrs
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcRequestCancelled

from dgls.errors import CheckpointError
from dgls.protocol import FillRequest, Trigger
from tests.lsp.session import URI, ScriptedFiller, Session, initialized, place, reply
from tests.support.marks import read_marks

BODY = "def area(width, height):\n    ⟦pass⟧\n"


def lines_of(text: str, offset: int) -> tuple[int, int]:
    head = text[:offset].split("\n")
    return len(head) - 1, len(head[-1])


async def opened_actions(session: Session, marked: str) -> tuple[str, list[types.CodeAction]]:
    """The text, and the actions at its marked range."""
    text, (span,) = read_marks(marked)
    await session.open(text)
    return text, await session.actions(lines_of(text, span.start), lines_of(text, span.end))


def applied(text: str, edit: types.WorkspaceEdit | None, version: int = 1) -> str:
    """The text after the editor applied an edit of this version of the document."""
    assert edit is not None
    assert edit.changes is None
    assert edit.document_changes is not None
    (document_edit,) = edit.document_changes
    assert isinstance(document_edit, types.TextDocumentEdit)
    assert document_edit.text_document.uri == URI
    assert document_edit.text_document.version == version
    (change,) = document_edit.edits
    assert isinstance(change, types.TextEdit)
    lines = text.split("\n")
    start, end = change.range.start, change.range.end
    head = "\n".join([*lines[: start.line], lines[start.line][: start.character]])
    tail = "\n".join([lines[end.line][end.character :], *lines[end.line + 1 :]])
    return head + change.new_text + tail


@pytest.mark.parametrize(
    ("marked", "titles"),
    [
        (BODY, ["Fill the body of `area`", "Rewrite the selection"]),
        ("def area(width, height):\n    ⟦⟧pass\n", ["Fill the body of `area`"]),
        ("def f():\n    ⟦⟧...\n", ["Fill the body of `f`"]),
        ("def f():\n    raise ⟦⟧NotImplementedError\n", ["Fill the body of `f`"]),
        ("x = 1\n# TODO: sort⟦⟧ it\n", ["Fill in: TODO: sort it"]),
        ("def f():⟦⟧\n", ["Fill the body of `f`"]),
        ("x = ⟦a + b⟧\n", ["Rewrite the selection"]),
        ("x = a⟦ ⟧+ b\n", []),
        ("x = ⟦⟧a + b\n", []),
        ("", []),
    ],
)
async def test_holes_and_a_selection_are_offered_without_a_model(
    session: Session, filler: ScriptedFiller, marked: str, titles: Sequence[str]
) -> None:
    _, actions = await opened_actions(session, marked or "⟦⟧")

    assert [action.title for action in actions] == list(titles)
    assert all(action.edit is None and action.command is None for action in actions)
    assert all(list(action.tags or ()) == [types.CodeActionTag.LlmGenerated] for action in actions)
    assert filler.requests == []


@pytest.mark.parametrize(
    ("marked", "fill", "expected"),
    [
        (BODY, "return width * height", "def area(width, height):\n    return width * height\n"),
        (
            "def f(x):\n    ⟦⟧...\n",
            "if x:\n        return 1\n    return 2\n",
            "def f(x):\n    if x:\n        return 1\n    return 2\n",
        ),
        ("def f():⟦⟧\nx = 1\n", "return 1", "def f():\n    return 1\nx = 1\n"),
        (
            "def f():\r\n    ⟦⟧pass\r\n",
            "a = 1\n    b = 2",
            "def f():\r\n    a = 1\r\n    b = 2\r\n",
        ),
        ("total = ⟦a + b⟧\n", "sum(all)", "total = sum(all)\n"),
        ("⟦    x = 1\n⟧y = 2\n", "x = 3", "    x = 3\ny = 2\n"),
    ],
)
async def test_a_chosen_action_brings_an_edit_for_this_version_of_the_document(
    session: Session, filler: ScriptedFiller, marked: str, fill: str, expected: str
) -> None:
    filler.answer = lambda request: reply(fill, confidence=0.0)
    text, (action, *_) = await opened_actions(session, marked)

    resolved = await session.resolve(action)

    assert applied(text, resolved.edit) == expected
    assert session.client.messages == []


async def test_the_engine_gets_the_text_of_a_selection_and_an_explicit_trigger(
    session: Session, filler: ScriptedFiller
) -> None:
    _, (action,) = await opened_actions(session, "x = ⟦a + b⟧\n")

    await session.resolve(action)

    (request,) = filler.requests
    assert request.parts == ("x = ", "\n")
    assert (request.gaps[0].text, request.gaps[0].strength) == ("a + b", 1.0)
    assert request.trigger is Trigger.EXPLICIT
    assert request.method == "codeAction/resolve"
    assert request.version == 1


async def test_an_editor_may_set_how_much_of_a_selection_changes(
    session: Session, filler: ScriptedFiller
) -> None:
    _, (action,) = await opened_actions(session, "x = ⟦a + b⟧\n")

    await session.resolve(attrs.evolve(action, data={**action.data, "strength": 0.3}))

    (request,) = filler.requests
    assert request.gaps[0].strength == 0.3


LOOP = "def f(xs):\n    s = 0\n    for x in xs:\n        ⟦s += x⟧\n    return s\n"


@pytest.mark.parametrize(
    ("marked", "fill", "present", "reason"),
    [
        (LOOP, "return s", None, "drops a name that is used below"),
        (LOOP, "s  +=  x", None, "the same as the present text"),
        (LOOP, "s = s + x", -0.5, "does not score it above"),
        (LOOP, "s += (x", None, "breaks the syntax"),
        ("def f():\n    ⟦⟧...\n", "pass", None, "only a placeholder"),
        ("def f():\n    ⟦⟧pass\n", "...", None, "only a placeholder"),
        ("x = 1\n# TODO: sort⟦⟧ it\n", "# TODO: sort it", None, "only a placeholder"),
    ],
)
async def test_a_harmful_action_is_disabled_with_its_reason(
    session: Session,
    filler: ScriptedFiller,
    marked: str,
    fill: str,
    present: float | None,
    reason: str,
) -> None:
    filler.answer = lambda request: replace(reply(fill), present=present)
    _, (action, *_) = await opened_actions(session, marked)

    resolved = await session.resolve(action)

    assert resolved.edit is None
    assert resolved.disabled is not None
    assert reason in resolved.disabled.reason
    assert reason in session.client.messages[-1].message


async def test_a_document_changed_before_the_fill_gets_a_message_instead_of_an_edit(
    session: Session, filler: ScriptedFiller
) -> None:
    _, (action, *_) = await opened_actions(session, BODY)
    await session.changed(0, 0, "# ")

    resolved = await session.resolve(action)

    assert resolved.edit is None
    assert filler.requests == []
    (message,) = session.client.messages
    assert message.type is types.MessageType.Warning
    assert message.message.startswith("dgls: The document has changed meanwhile")


async def test_a_document_changed_during_the_fill_gets_a_message_instead_of_an_edit(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.hold()
    filler.answer = lambda request: reply("return 1")
    _, (action, *_) = await opened_actions(session, BODY)
    resolving = asyncio.ensure_future(session.resolve(action))
    await filler.arrived.wait()
    await session.changed(0, 0, "# ")
    filler.go.set()

    resolved = await resolving

    assert resolved.edit is None
    assert len(session.client.messages) == 1


@pytest.mark.parametrize(
    ("marked", "fills"),
    [
        (BODY, ["", "   \n", "pass"]),
        ("x = ⟦a + b⟧\n", ["(a", "a + b", ""]),
        ("def f():\n    ⟦⟧pass\n", ["return ((1"]),
    ],
)
async def test_an_empty_or_syntax_breaking_fill_gives_no_edit(
    session: Session, filler: ScriptedFiller, marked: str, fills: list[str]
) -> None:
    filler.answer = lambda request: reply(*fills)
    _, (action, *_) = await opened_actions(session, marked)

    resolved = await session.resolve(action)

    assert resolved.edit is None
    assert len(session.client.messages) == 1


async def test_the_first_candidate_that_fits_is_taken(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("pass", "(", "return 1", "return 2")
    text, (action, *_) = await opened_actions(session, "def f():\n    ⟦⟧pass\n")

    resolved = await session.resolve(action)

    assert applied(text, resolved.edit) == "def f():\n    return 1\n"


async def test_a_body_is_kept_up_to_where_it_breaks_the_syntax(
    session: Session, filler: ScriptedFiller
) -> None:
    filler.answer = lambda request: reply("x = 1\n    y = (2")
    text, (action, *_) = await opened_actions(session, "def f():\n    ⟦⟧pass\n")

    resolved = await session.resolve(action)

    assert applied(text, resolved.edit) == "def f():\n    x = 1\n"


async def test_a_failure_to_load_the_model_is_reported_for_every_action(
    session: Session, filler: ScriptedFiller
) -> None:
    def fail() -> None:
        raise CheckpointError("The checkpoint is half a checkpoint; nothing was loaded.")

    filler.load = fail
    _, (action, *_) = await opened_actions(session, BODY)

    for _ in range(2):
        resolved = await session.resolve(action)
        assert resolved.edit is None

    # One for the attempt when the document was opened, one for each explicit request.
    assert 2 <= len(session.client.messages) <= 3
    assert {message.message for message in session.client.messages} == {
        "dgls: The checkpoint is half a checkpoint; nothing was loaded."
    }


async def test_a_cancelled_action_stops_its_fill(session: Session, filler: ScriptedFiller) -> None:
    filler.hold()
    _, (action, *_) = await opened_actions(session, BODY)
    resolving = session.client.protocol.send_request(
        types.CODE_ACTION_RESOLVE, action, msg_id="to-cancel"
    )
    await filler.arrived.wait()

    session.client.cancel_request(types.CancelParams(id="to-cancel"))

    with pytest.raises(JsonRpcRequestCancelled):
        await asyncio.wrap_future(resolving)
    assert filler.cancelled == 1


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (["refactor"], 2),
        (["refactor.rewrite"], 2),
        (["refactor.rewrite.dgls.fill"], 1),
        (["quickfix"], 0),
        (["refactor.re"], 0),
        ([], 2),
    ],
)
async def test_only_the_requested_kinds_are_listed(
    session: Session, only: list[str], count: int
) -> None:
    await session.open("def area(width, height):\n    pass\n")

    actions = await session.actions((1, 4), (1, 8), only)

    assert len(actions) == count


@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        {},
        {"kind": "refactor.rewrite.dgls.fill", "uri": URI, "version": 1, "span": [5, "x"]},
        {"kind": "refactor.rewrite.dgls.fill", "uri": URI, "version": 1, "span": [8, 5]},
        {"kind": "refactor.rewrite.dgls.selection", "uri": URI, "version": 1, "span": [0, 1]}
        | {"strength": 1.5},
    ],
)
async def test_another_servers_action_is_refused(session: Session, data: object) -> None:
    await session.open("x = 1\n")
    action = types.CodeAction(title="Rewrite", data=data)  # type: ignore[arg-type]

    with pytest.raises(JsonRpcException) as refused:
        await session.resolve(action)

    assert refused.value.code == -32602
    assert refused.value.data is None


@pytest.mark.parametrize("span", [[0, 9999], [2, 3]])
async def test_a_gap_outside_the_document_gets_no_edit(session: Session, span: list[int]) -> None:
    await session.open("x = 1\n")
    data = {"kind": "refactor.rewrite.dgls.fill", "uri": URI, "version": 1, "span": span}

    resolved = await session.resolve(types.CodeAction(title="Fill", data=data))

    assert resolved.edit is None
    assert len(session.client.messages) == 1


async def test_actions_are_for_the_version_at_the_time_of_the_request(session: Session) -> None:
    await session.open("def f():\n    pass\n")
    params = types.CodeActionParams(
        text_document=types.TextDocumentIdentifier(uri=URI),
        range=types.Range(start=place(1, 4), end=place(1, 4)),
        context=types.CodeActionContext(diagnostics=[]),
    )
    # Sent at once: the server reads the change before the request's handler begins.
    asked = session.client.protocol.send_request(types.TEXT_DOCUMENT_CODE_ACTION, params)
    session.change(1, 4, "return 1", end_column=8)

    (action,) = await asyncio.wrap_future(asked)

    assert action.title == "Fill the body of `f`"
    assert action.data["version"] == 1


async def test_a_client_that_cannot_resolve_is_offered_nothing(filler: ScriptedFiller) -> None:
    async with initialized(filler) as session:
        session.server.client_capabilities.text_document.code_action.resolve_support = None  # type: ignore[union-attr]
        await session.open("def f():\n    pass\n")

        assert await session.actions((1, 4), (1, 4)) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_an_edit_after_characters_of_many_units_hits_its_place(
    filler: ScriptedFiller, encoding: str
) -> None:
    units = {"utf-8": 4, "utf-16": 2, "utf-32": 1}[encoding]
    seen: list[FillRequest] = []

    def answer(request: FillRequest) -> object:
        seen.append(request)
        return reply("2")

    filler.answer = answer  # type: ignore[assignment]
    async with initialized(filler, encoding=encoding) as session:
        await session.open("s = '😀' + old\n")
        start = 4 + 2 + units + 3
        (action,) = await session.actions((0, start), (0, start + 3))
        resolved = await session.resolve(action)

    assert seen[0].parts == ("s = '😀' + ", "\n")
    assert resolved.edit is not None
    assert resolved.edit.document_changes is not None
    (change,) = resolved.edit.document_changes[0].edits  # type: ignore[union-attr]
    assert change.range == types.Range(start=place(0, start), end=place(0, start + 3))  # type: ignore[union-attr]
