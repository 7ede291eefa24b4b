"""The language server: one object that owns the documents, the settings and the client."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from dgls import __version__
from dgls.allocator import FreedMemory
from dgls.config import LiveSettings, Settings, explicit_settings
from dgls.errors import InputError
from dgls.lsp.asked import Asked
from dgls.lsp.client_side import Client
from dgls.lsp.context import Command, Feature, RequestContext, Stores
from dgls.lsp.convert import Convention, path_of
from dgls.lsp.counts import Counts
from dgls.lsp.documents import Document, Documents
from dgls.lsp.editor_process import POLL_S, EditorProcess
from dgls.lsp.engine import Engine
from dgls.lsp.fills import Fills
from dgls.lsp.indicator import METHOD, Indicator
from dgls.lsp.jsonrpc.arrival import arrival
from dgls.lsp.jsonrpc.errors import log_internal
from dgls.lsp.jsonrpc.wire import Wire
from dgls.lsp.other_models import OtherModels, same_engine
from dgls.lsp.permission import Permission
from dgls.lsp.quirks import quirks_of
from dgls.lsp.report import Report
from dgls.lsp.ripples import Ripples
from dgls.lsp.rules import Rules
from dgls.lsp.shared_model import SharedModel
from dgls.lsp.surroundings import Surroundings
from dgls.lsp.tasks import Tasks
from dgls.lsp.typist import Accepted, Typist, Typists
from dgls.text.encodings import Encoding, whole

OpenEngine = Callable[[Settings], Engine]

CONFIGURATION_TIMEOUT_S = 3.0
"""How many seconds the model waits for a client that does not send its settings."""


class DglsServer(LanguageServer):
    """One client's session."""

    def __init__(self, open_engine: OpenEngine) -> None:
        self._open_engine = open_engine
        self.tasks = Tasks()
        self._client_id = f"lsp-{uuid.uuid4()}"
        self._client_name = ""
        self.documents = Documents()
        self.freed = FreedMemory()
        self.typists = Typists(self._accepted)
        self.fills = Fills()
        self.surroundings = Surroundings()
        self.permission = Permission()
        self.indicator = Indicator(self._send_status)
        self.asked = Asked(self, self.indicator)
        self.counts = Counts(lambda: self.settings.privacy.counts)
        self.ripples = Ripples()
        self.live = LiveSettings()
        self.root: Path | None = None
        self.settings = Settings()
        self._told: set[str] = set()
        self.editor_process = EditorProcess.of(None)
        self.model: SharedModel | None = None
        self._others = OtherModels(open_engine, self, self.tasks.spawn)
        self.configured = asyncio.Event()
        self.stopped = asyncio.Event()
        self.exit_status = 1
        super().__init__("dgls", __version__, protocol_cls=Wire, converter_factory=converter)

    @property
    def client(self) -> Client:
        """The editor's own statements so far."""
        uris = [folder.uri for folder in self.workspace.folders.values()]
        if not uris and self.workspace.root_uri:
            uris = [self.workspace.root_uri]
        folders = tuple(Path(path_of(uri)) for uri in uris)
        return Client(self._client_id, self._client_name, self.client_capabilities, folders)

    @property
    def rules(self) -> Rules:
        """The rules as they are now."""
        return Rules(
            self.live,
            self.root,
            self.client.folders,
            self.permission,
            lambda language: self.model is None or self.model.knows(language),
            self.complain,
        )

    async def context(self) -> RequestContext:
        """The context of the present message, once the client's settings have arrived.

        Its documents are those of the message's arrival, however long that takes.
        """
        arrived = arrival().documents
        await self._settled()
        rules = self.rules
        # Settings on the disk are looked up once per message.
        self._go_on_with(rules.settings)
        assert self.model is not None, "a request before initialize is refused"
        return RequestContext(
            self.client,
            arrived,
            rules,
            Stores(self.documents, self.typists, self.counts, self.ripples),
            self.fills,
            self.surroundings,
            self.permission,
            self.indicator,
            self.model,
            self.asked,
            self.show,
            self._editing_model,
            self._explicit_model,
            self._apply,
        )

    def offer(self, *offers: Feature | Command) -> None:
        """Register features and commands."""
        for each in offers:
            handler = self._handler(each)
            if isinstance(each, Command):
                self.command(each.name)(handler)
            else:
                self.feature(each.method, each.options)(handler)

    def begin(self, params: types.InitializeParams) -> None:
        """Use the client's own statements; its settings are in `live` already."""
        self._client_name = params.client_info.name if params.client_info else ""
        self.editor_process = self.editor_process.updated(params.process_id)
        encoding = Encoding(types.PositionEncodingKind(self.workspace.position_encoding).value)
        newline_only = quirks_of(self._client_name).newline_only
        self.documents = Documents(Convention(encoding, newline_only))
        self.refresh()

    def refresh(self) -> None:
        """Apply the present settings; another model or engine gets a new client."""
        self._go_on_with(self.live.at(self.root).settings)

    def _go_on_with(self, settings: Settings) -> None:
        old, before = self.model, self.settings
        self.settings = settings
        if old is None or not same_engine(settings, before):
            opener = functools.partial(self._open_engine, settings)
            self.model = SharedModel(opener, self, self.indicator)
            self.fills.forget()
            if old is not None:
                self.tasks.spawn(old.close())

    def complain(self, messages: Iterable[str]) -> None:
        """Show problems of the settings, each message once."""
        new = [text for text in messages if text not in self._told]
        if new:
            self._told.update(new)
            self.show(f"dgls: {' '.join(new)}", types.MessageType.Warning)

    def warm_up(self, document: Document) -> None:
        """Let the model load while the user reads; if suggestions are off, report that."""

        async def load() -> None:
            context = await self.context()
            reason = context.rules.why_silent(document, automatic=True)
            if reason is None:
                await context.model.warm_up()
            else:
                context.indicator.off(reason)

        self.tasks.spawn(load())

    def stop(self, exit_status: int) -> None:
        """Read no further message. The first reason to end counts."""
        if not self.stopped.is_set():
            self.exit_status = exit_status
            self.stopped.set()

    async def editor_gone(self) -> None:
        """Return when the editor's process has ended, if it is known."""
        while not self.editor_process.is_gone:
            await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Stop running tasks and close the engine's client."""
        self.fills.stop_ahead()
        self.counts.write()
        await self.tasks.end()
        if self.model is not None:
            await self.model.close()
        await self._others.close()

    def show(self, message: str, kind: types.MessageType) -> None:
        """Show a message to the user."""
        self.window_show_message(types.ShowMessageParams(type=kind, message=whole(message)))

    @property
    def shows_progress(self) -> bool:
        """Whether the client wants the server's own progress reports."""
        return self.client.shows_progress

    async def create_progress(self, token: str) -> None:
        """Ask the client for a progress report with a token."""
        await self.work_done_progress.create_async(token)

    def report_progress(self, token: str, value: Any) -> None:
        """Send the beginning, a step or the end of a progress report."""
        self.progress(types.ProgressParams(token=token, value=value))

    def _editing_model(self) -> SharedModel:
        """The model for edits by instruction, which may be the one for typing.

        Raises `ModelNotFoundError` if none is here.
        """
        # Only edits by instruction need the catalogue, so `initialize` does not wait for it.
        from dgls.checkpoint.edit_model import edit_settings

        return self._beside("edit", edit_settings(self.settings))

    def _explicit_model(self) -> SharedModel:
        """The model for explicit requests."""
        return self._beside("explicit", explicit_settings(self.settings))

    def _beside(self, use: str, wanted: Settings) -> SharedModel:
        """The model with these settings, which may be the one for typing."""
        assert self.model is not None, "a request before initialize is refused"
        is_same = same_engine(wanted, self.settings)
        return self.model if is_same else self._others.get(use, wanted)

    async def _apply(self, edit: types.WorkspaceEdit, label: str) -> None:
        """Make the client apply an edit. Raises `InputError` if it does not."""
        params = types.ApplyWorkspaceEditParams(edit=edit, label=label)
        done = await self.workspace_apply_edit_async(params)
        if not done.applied:
            raise InputError("The editor did not apply the edit; the document was not changed.")

    def _send_status(self, report: Report) -> None:
        if self.client.wants_status:
            self.protocol.notify(METHOD, report.to_json())

    def _accepted(self, typist: Typist, accepted: Accepted) -> None:
        self.tasks.spawn(self.counts.follow(typist, accepted))

    async def _settled(self) -> None:
        """Return once the client has sent its settings, or the wait is over."""
        if not self.configured.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(CONFIGURATION_TIMEOUT_S):
                    await self.configured.wait()
            self.configured.set()

    def _handler(self, offer: Feature | Command) -> Callable[..., Awaitable[Any]]:
        """The handler for pygls, which passes the server to a command first."""

        async def answer(params: Any) -> Any:
            with self.tasks.handling():
                return await offer.answer(await self.context(), params)

        async def run(ls: DglsServer, *arguments: object) -> Any:
            with self.tasks.handling():
                return await offer.answer(await self.context(), *arguments)

        return run if isinstance(offer, Command) else answer

    def report_server_error(self, error: BaseException, source: Any) -> None:
        """Log where an error came from. The client gets it in the reply to its request."""
        if not isinstance(error, (JsonRpcException, asyncio.CancelledError)):
            log_internal(error)


@functools.cache
def converter() -> Converter:
    """The converter of messages; it compiles code for each type, so all sessions share one."""
    made: Converter = default_converter()  # type: ignore[no-untyped-call]
    return made
