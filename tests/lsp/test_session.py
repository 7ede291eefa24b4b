"""The beginning of a session, its messages about the model and errors, and its end."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dgls.config import AUTO
from dgls.errors import CheckpointError, ModelNotFoundError
from dgls.protocol import FillRequest
from tests.lsp.session import (
    URI,
    ScriptedFiller,
    Session,
    connected,
    initialize_params,
    initialized,
    reply,
    until,
)


def code_of(error: pytest.ExceptionInfo[JsonRpcException]) -> int:
    return error.value.code


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["utf-8", "utf-16"], "utf-8"),
        (["utf-16"], "utf-16"),
        (["utf-32", "utf-8"], "utf-32"),
        (["utf-7", "utf-32"], "utf-32"),
        (None, "utf-16"),
    ],
)
async def test_the_first_common_encoding_is_agreed(
    filler: ScriptedFiller, offered: list[str] | None, chosen: str
) -> None:
    params = initialize_params()
    assert params.capabilities.general is not None
    params.capabilities.general.position_encodings = offered
    async with connected(filler) as session:
        result = await session.client.initialize_session(params)

    assert result.capabilities.position_encoding == chosen


async def test_the_capabilities_list_the_features(filler: ScriptedFiller) -> None:
    async with connected(filler) as session:
        result = await session.client.initialize_session(initialize_params())

    told = result.capabilities
    assert told.inline_completion_provider == types.InlineCompletionOptions()
    assert isinstance(told.code_action_provider, types.CodeActionOptions)
    assert told.code_action_provider.resolve_provider is True
    assert isinstance(told.text_document_sync, types.TextDocumentSyncOptions)
    assert told.text_document_sync.change is types.TextDocumentSyncKind.Incremental
    assert told.text_document_sync.open_close is True


async def test_a_request_before_initialize_is_refused(filler: ScriptedFiller) -> None:
    async with connected(filler) as session:
        with pytest.raises(JsonRpcException) as refused:
            await session.ask(0, 0)

    assert code_of(refused) == types.ErrorCodes.ServerNotInitialized


async def test_a_malformed_request_is_refused_with_a_reply(
    session: Session,
) -> None:
    params = {"textDocument": {"uri": "file:///x.py"}, "position": {"line": -1, "character": "?"}}

    with pytest.raises(JsonRpcException) as refused:
        await asyncio.wrap_future(send_raw(session, "textDocument/inlineCompletion", params))

    assert code_of(refused) == types.ErrorCodes.InvalidParams
    assert refused.value.data is None


async def test_a_document_with_a_malformed_change_is_left_alone(
    session: Session, filler: ScriptedFiller
) -> None:
    await session.open("x = \n")
    broken = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"range": "?"}]}
    message = {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": broken}
    session.client.protocol._send_data(message)

    assert await session.ask(0, 4, invoked=True) is None
    assert filler.requests == []


async def test_an_unknown_method_is_refused_with_a_reply(session: Session) -> None:
    with pytest.raises(JsonRpcException) as refused:
        await asyncio.wrap_future(send_raw(session, "textDocument/nonsense", {}))

    assert code_of(refused) == types.ErrorCodes.MethodNotFound
    assert refused.value.data is None


async def test_a_bug_is_reported_without_traceback_path_or_code(
    session: Session, filler: ScriptedFiller, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(request: FillRequest) -> None:
        raise ValueError(f"/home/somebody/secret.py: {request.parts[0]}")

    filler.answer = bug  # type: ignore[assignment]
    await session.open("password = hunter2\n")

    with pytest.raises(JsonRpcException) as failed:
        await session.ask(0, 18)

    assert code_of(failed) == types.ErrorCodes.InternalError
    assert failed.value.data is None
    assert "ValueError" in failed.value.message
    assert "secret" not in failed.value.message
    log = "".join(record.getMessage() for record in caplog.records if record.name == "dgls.lsp")
    assert "ValueError at" in log
    assert "hunter2" not in log
    # The session continues.
    filler.answer = lambda request: reply("1")
    assert await session.ask(0, 18, invoked=True)


async def test_opening_a_document_loads_the_model_with_progress(
    filler: ScriptedFiller,
) -> None:
    filler.steps = ((0.0, "reading"), (0.5, "reading"), (0.5, "reading"), (1.0, "warming up"))
    async with initialized(filler) as session:
        assert filler.loads == 0
        await session.open("x = 1\n")
        await until(lambda: ended(session))
        await session.open("y = 1\n", uri="file:///code/other.py")
        await session.ask(0, 5)

    assert filler.loads == 1
    (steps,) = session.client.progress_reports.values()
    assert [type(step).__name__ for step in steps] == [
        "WorkDoneProgressBegin",
        "WorkDoneProgressReport",
        "WorkDoneProgressReport",
        "WorkDoneProgressEnd",
    ]
    assert [step.percentage for step in steps[:-1]] == [0, 50, 100]  # type: ignore[attr-defined]
    assert session.client.messages == []


async def test_a_loaded_model_shows_no_progress(session: Session, filler: ScriptedFiller) -> None:
    await session.open("x = 1\n")
    await session.ask(0, 5)

    assert session.client.progress_reports == {}


async def test_a_client_without_progress_gets_no_progress(filler: ScriptedFiller) -> None:
    filler.steps = ((0.5, "reading"),)
    async with initialized(filler, progress=False) as session:
        await session.open("x = 1\n")
        await session.ask(0, 5)

    assert session.client.progress_reports == {}


async def test_a_failure_to_load_the_model_is_reported_once(
    session: Session, filler: ScriptedFiller
) -> None:
    def fail() -> None:
        raise ModelNotFoundError("There is no model 'big'; nothing was loaded.")

    filler.load = fail
    await session.open("x = \n")

    assert [await session.ask(0, 4) for _ in range(3)] == [None, None, None]
    assert filler.loads == 1
    (message,) = session.client.messages
    assert message.message == "dgls: There is no model 'big'; nothing was loaded."


async def test_an_explicit_action_tries_to_load_the_model_again(
    session: Session, filler: ScriptedFiller
) -> None:
    def fail() -> None:
        raise CheckpointError("Half a checkpoint; nothing was loaded.")

    filler.load = fail
    filler.answer = lambda request: reply("return 1")
    await session.open("def f():\n    pass\n")
    await until(lambda: session.client.messages)
    filler.load = lambda: None
    (action,) = await session.actions((1, 4), (1, 4))

    resolved = await session.resolve(action)

    assert resolved.edit is not None
    assert filler.loads == 2


async def test_the_settings_come_from_the_editor_and_bad_ones_are_named(
    filler: ScriptedFiller,
) -> None:
    options = {"dgls": {"show": {"threshold": 0.25, "colour": "red"}, "fill": {"max_lines": "x"}}}
    async with initialized(filler, options=options) as session:
        await until(lambda: session.client.messages)

    assert session.server.settings.show.threshold == 0.25
    assert session.server.settings.fill.max_lines == AUTO
    (message,) = session.client.messages
    assert message.type is types.MessageType.Warning
    assert "show.colour" in message.message
    assert "fill.max_lines" in message.message


async def test_the_editors_settings_are_requested_before_the_model_loads(
    filler: ScriptedFiller,
) -> None:
    async with connected(filler) as session:
        session.client.set_configuration({"model": {"threads": 3}}, section="dgls")
        await session.client.initialize_session(initialize_params(configuration=True))
        await session.open("x = 1\n")
        await until(lambda: filler.loads)

        assert filler.settings is not None
        assert filler.settings.model.threads == 3

        session.client.set_configuration({"model": {"threads": 2}}, section="dgls")
        changed = types.DidChangeConfigurationParams(settings=None)
        session.client.workspace_did_change_configuration(changed)
        await until(lambda: filler.closed)
        await session.ask(0, 5)
        assert filler.settings.model.threads == 2


async def test_an_initialization_option_can_be_reset(filler: ScriptedFiller) -> None:
    async with connected(filler) as session:
        section = {"show": {"automatic": True, "threshold": 0.75}}
        session.client.set_configuration(section, section="dgls")
        options = {"show": {"automatic": False}, "fill": {"candidates": 3}}
        params = initialize_params(options=options, configuration=True)
        await session.client.initialize_session(params)
        await until(lambda: session.server.settings.show.threshold == 0.75)

        assert session.server.settings.show.automatic
        assert session.server.settings.fill.candidates == 3


async def test_pushed_settings_are_applied(session: Session, filler: ScriptedFiller) -> None:
    pushed = {"dgls": {"show": {"threshold": 0.125}}}
    changed = types.DidChangeConfigurationParams(settings=pushed)

    session.client.workspace_did_change_configuration(changed)

    await until(lambda: session.server.settings.show.threshold == 0.125)


async def test_shutdown_stops_running_requests_and_exit_ends_the_server(
    filler: ScriptedFiller,
) -> None:
    filler.hold()
    async with initialized(filler) as session:
        await session.open("x = \n")
        asked = session.ask(0, 4)
        await filler.arrived.wait()
        await session.client.shutdown_async(None)
        session.client.exit(None)
        with pytest.raises(JsonRpcException):
            await asked

    assert filler.cancelled == 1
    assert filler.closed
    assert session.server.exit_status == 0


async def test_an_exit_without_shutdown_is_a_failure(filler: ScriptedFiller) -> None:
    async with initialized(filler) as session:
        session.client.exit(None)
        await until(session.server.stopped.is_set)

    assert session.server.exit_status == 1


async def test_a_client_that_disconnects_ends_the_server_and_its_fills(
    filler: ScriptedFiller,
) -> None:
    filler.hold()
    async with initialized(filler) as session:
        await session.open("x = \n")
        asked = session.ask(0, 4)
        await filler.arrived.wait()

    assert filler.cancelled == 1
    assert filler.closed
    asked.cancel()


def ended(session: Session) -> bool:
    reports = list(session.client.progress_reports.values())
    return bool(reports and reports[0] and isinstance(reports[0][-1], types.WorkDoneProgressEnd))


def send_raw(session: Session, method: str, params: object) -> Future[object]:
    """Send a request with parameters that the client's own types would not allow."""
    protocol = session.client.protocol
    answered: Future[object] = Future()
    protocol._request_futures["raw"] = answered
    protocol._result_types["raw"] = None
    protocol._send_data({"jsonrpc": "2.0", "id": "raw", "method": method, "params": params})
    return answered
