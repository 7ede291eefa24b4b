"""A language server and a client in one process, with a scripted model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types
from pytest_lsp import LanguageClient
from pytest_lsp.client import register_lsp_features

from dgls.config import Settings
from dgls.lsp.jsonrpc.transport import serve_tcp_once
from dgls.lsp.main import build
from dgls.lsp.server import DglsServer, converter
from dgls.protocol import EngineState, Fill, FillReply, FillRequest, Health, OnProgress
from tests.support.marks import cursor_of

URI = "file:///code/project/example.py"
PATIENCE_S = 15.0


def reply(*texts: str, confidence: float = 0.9) -> FillReply:
    """A reply with these candidates, best first."""
    return FillReply(tuple(Fill((text,), -1.0, confidence) for text in texts), "scripted")


@dataclass
class ScriptedFiller:
    """A model that gives the test's answers when the test says so.

    `answer` returns the reply or raises. With `held` a fill waits for `let_go`; `cancelled` counts
    those that were cancelled meanwhile.
    """

    answer: Callable[[FillRequest], FillReply] = lambda request: reply("")
    load: Callable[[], None] = lambda: None
    steps: tuple[tuple[float, str], ...] = ()
    languages: tuple[str, ...] = ()
    requests: list[FillRequest] = field(default_factory=list)
    loads: int = 0
    cancelled: int = 0
    closed: bool = False
    settings: Settings | None = None

    def __post_init__(self) -> None:
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    def hold(self) -> None:
        """Let later fills wait for `go`."""
        self.go.clear()

    async def wait_ready(self, on_progress: OnProgress | None = None) -> None:
        self.loads += 1
        for share, what in self.steps:
            if on_progress is not None:
                on_progress(share, what)
            await asyncio.sleep(0)
        self.load()

    async def health(self) -> Health:
        return Health(
            EngineState.READY, 100.0, model="scripted", device="cpu", languages=self.languages
        )

    async def fill(self, request: FillRequest) -> FillReply:
        self.requests.append(request)
        self.arrived.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(request)

    async def close(self) -> None:
        self.closed = True


@dataclass
class Session:
    """One client's session with the server."""

    client: LanguageClient
    server: DglsServer
    filler: ScriptedFiller
    version: int = 1

    async def open(self, text: str, uri: str = URI, language: str = "python") -> None:
        """Open a document."""
        item = types.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))
        await until(lambda: self.server.documents.get(uri) is not None)

    def change(
        self,
        line: int,
        column: int,
        text: str,
        end_column: int | None = None,
        uri: str = URI,
    ) -> None:
        """Replace a part of one line."""
        self.version += 1
        end = column if end_column is None else end_column
        change = types.TextDocumentContentChangePartial(
            range=types.Range(start=place(line, column), end=place(line, end)), text=text
        )
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                text_document=types.VersionedTextDocumentIdentifier(uri=uri, version=self.version),
                content_changes=[change],
            )
        )

    async def changed(
        self,
        line: int,
        column: int,
        text: str,
        end_column: int | None = None,
        uri: str = URI,
    ) -> None:
        """Replace a part of one line and wait until the server knows."""
        self.change(line, column, text, end_column, uri)
        await until(lambda: self.server.documents.now[uri].version == self.version)

    def ask(
        self,
        line: int,
        column: int,
        *,
        invoked: bool = False,
        selected: types.SelectedCompletionInfo | None = None,
        uri: str = URI,
        msg_id: str | None = None,
    ) -> asyncio.Future[Any]:
        """Send a request for an inline completion."""
        kinds = types.InlineCompletionTriggerKind
        params = types.InlineCompletionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            position=place(line, column),
            context=types.InlineCompletionContext(
                trigger_kind=kinds.Invoked if invoked else kinds.Automatic,
                selected_completion_info=selected,
            ),
        )
        method = types.TEXT_DOCUMENT_INLINE_COMPLETION
        request = self.client.protocol.send_request(method, params, msg_id=msg_id)
        return asyncio.wrap_future(request)

    async def complete(self, marked: str, **options: Any) -> Any:
        """Open a text and ask for an inline completion at its cursor mark."""
        text, cursor = cursor_of(marked)
        await self.open(text)
        lines = text[:cursor].split("\n")
        return await self.ask(len(lines) - 1, len(lines[-1]), **options)

    async def actions(
        self, start: tuple[int, int], end: tuple[int, int], only: list[str] | None = None
    ) -> list[types.CodeAction]:
        """The code actions at a range."""
        params = types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=URI),
            range=types.Range(start=place(*start), end=place(*end)),
            context=types.CodeActionContext(diagnostics=[], only=only),
        )
        return list(await self.client.text_document_code_action_async(params) or [])

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """A code action with its edit."""
        return await self.client.code_action_resolve_async(action)


def place(line: int, column: int) -> types.Position:
    """An editor's position."""
    return types.Position(line=line, character=column)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition of this process, which messages in transit will bring about."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.001)


def capabilities(
    encoding: str = "utf-16",
    *,
    progress: bool = True,
    configuration: bool = False,
    inline: bool = True,
    status: bool = False,
) -> types.ClientCapabilities:
    """The capabilities of an editor of LSP 3.18."""
    actions = types.CodeActionClientCapabilities(
        code_action_literal_support=types.ClientCodeActionLiteralOptions(
            code_action_kind=types.ClientCodeActionKindOptions(value_set=["refactor.rewrite"])
        ),
        data_support=True,
        disabled_support=True,
        resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"]),
        tag_support=types.CodeActionTagOptions(value_set=[types.CodeActionTag.LlmGenerated]),
    )
    return types.ClientCapabilities(
        experimental={"dglsStatus": True} if status else None,
        general=types.GeneralClientCapabilities(position_encodings=[encoding]),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities() if inline else None,
            code_action=actions,
        ),
        window=types.WindowClientCapabilities(work_done_progress=progress),
        workspace=types.WorkspaceClientCapabilities(
            configuration=configuration,
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
        ),
    )


def initialize_params(
    client_name: str = "test-editor",
    options: Any = None,
    root: str = "file:///code/project",
    **capability: Any,
) -> types.InitializeParams:
    """The client's first parameters."""
    return types.InitializeParams(
        capabilities=capabilities(**capability),
        client_info=types.ClientInfo(name=client_name, version="1"),
        root_uri=root,
        initialization_options=options,
    )


@asynccontextmanager
async def connected(
    filler: ScriptedFiller, others: Mapping[str, ScriptedFiller] | None = None
) -> AsyncIterator[Session]:
    """A server and a client that have not sent a message yet; `others` are models by name."""

    def open_filler(settings: Settings) -> ScriptedFiller:
        opened = (others or {}).get(settings.model.name, filler)
        opened.settings = settings
        return opened

    server = build(open_filler)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.ensure_future(serve_tcp_once(server, "127.0.0.1", 0, listening))
    client = LanguageClient(converter_factory=converter)
    register_lsp_features(client)
    await client.start_tcp("127.0.0.1", await listening)
    try:
        yield Session(client, server, filler)
    finally:
        client.protocol.writer.close()
        async with asyncio.timeout(PATIENCE_S):
            await serving
            await client.stop()


@asynccontextmanager
async def initialized(
    filler: ScriptedFiller, others: Mapping[str, ScriptedFiller] | None = None, **options: Any
) -> AsyncIterator[Session]:
    """A server and a client after `initialize`."""
    async with connected(filler, others) as session:
        await session.client.initialize_session(initialize_params(**options))
        yield session


def only_item(result: object) -> types.InlineCompletionItem:
    assert isinstance(result, list)
    (item,) = result
    assert isinstance(item, types.InlineCompletionItem)
    return item


def accepted(text: str, item: types.InlineCompletionItem) -> str:
    """The text after the editor put the item in; utf-16 is one unit a character here."""
    assert isinstance(item.insert_text, str)
    assert item.range is not None
    assert item.range.start.line == item.range.end.line
    lines = text.split("\n")
    line = lines[item.range.start.line]
    head, tail = line[: item.range.start.character], line[item.range.end.character :]
    lines[item.range.start.line] = head + item.insert_text + tail
    return "\n".join(lines)
