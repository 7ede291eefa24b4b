"""The JSON-RPC side of the server: what pygls is told to do differently, and why.

- Documents are kept by `dgls.lsp.documents`: pygls splits lines at more places than the protocol
  does, and walks through the whole text for each change.
- Each message carries a view of all documents as they were when it arrived, because an
  asynchronous handler may start after a later change was applied.
- An error tells what happened and nothing else: no traceback, no path of a file.
- A request that cannot be understood is refused with a reply instead of being left unanswered.
- Some editors leave out a document's version or language, or send an invalid one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from dgls.lsp.jsonrpc.arrival import Arrival, on_arrival
from dgls.lsp.jsonrpc.errors import log_internal, logger
from dgls.lsp.jsonrpc.messages import Bad, Message
from dgls.lsp.jsonrpc.tolerance import cancels_nothing, uri_in, with_version

if TYPE_CHECKING:
    from dgls.lsp.server import DglsServer


@dataclass(frozen=True)
class Refused:
    """A message that could not be understood and was already answered."""

    jsonrpc: str = "refused"


class Wire(LanguageServerProtocol):
    """The language server protocol as dgls speaks it."""

    _server: DglsServer

    def receive(self, message: Message, *, ending: bool = False) -> None:
        """Handle what came from the client; what is no message is answered as such.

        Where the client is `ending` its session already, a request is answered as cancelled and a
        notification left alone: its work would only keep the client waiting.
        """
        if isinstance(message, Bad):
            self._answer_error(message.number, JsonRpcException(message.message, message.code))
        elif not self._comes_at_a_wrong_time(message, ending=ending) and not cancels_nothing(
            message
        ):
            self.handle_message(self.structure_message(message))

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message as a typed object; a request with unusable parameters is refused here."""
        try:
            return super().structure_message(with_version(data))
        except JsonRpcException:
            if "method" not in data:
                raise
            self._refuse(data)
            return Refused()

    def handle_message(self, message: Any) -> None:
        """Handle one message in a context that remembers the documents as they are now."""
        if isinstance(message, Refused):
            return
        arrived = Arrival(self._server.documents.now)
        token = on_arrival.set(arrived)
        try:
            super().handle_message(message)
        finally:
            on_arrival.reset(token)
            # A request goes on; see `Tasks.handling`.
            if not hasattr(message, "id"):
                arrived.end()
            self._server.freed.after_work()

    def _run_generator(
        self,
        future: Future[Any] | None,
        *,
        gen: Generator[Any, Any, Any],
        result_future: Future[Any],
    ) -> None:
        """Let a cancelled request end the command that it runs, which pygls lets go on."""
        before = set(self._request_futures)
        super()._run_generator(future, gen=gen, result_future=result_future)
        for key in self._request_futures.keys() - before:
            result_future.add_done_callback(partial(_cancel_too, self._request_futures[key]))

    def _execute_handler(self, msg_id: Any, *args: Any, **options: Any) -> None:
        """Run a handler. What a notification became is forgotten when it is done, as pygls does
        with requests alone: it would keep each notification of the session.
        """
        super()._execute_handler(msg_id, *args, **options)
        running = self._request_futures.get(msg_id)
        if running is not None and options.get("callback") == self._check_handler_result:
            running.add_done_callback(lambda _: self._forget_soon(msg_id))

    def _forget_soon(self, msg_id: Any) -> None:
        """Forget a handler, but not while pygls goes through all of them at the end."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(self._request_futures.pop, msg_id, None)

    def _refuse(self, data: dict[str, Any]) -> None:
        """Answer a request that cannot be understood.

        A notification has no answer, but a document with a change that was not understood is
        forgotten: better no help than edits for a text that the editor does not have.
        """
        if "id" in data:
            what = f"The parameters of {data['method']} are not valid; nothing was done."
            self._answer_error(data["id"], JsonRpcInvalidParams(what))
        elif data["method"] == types.TEXT_DOCUMENT_DID_CHANGE:
            self._forget(uri_in(data))
            logger.warning("A change of a document was not valid; dgls ignores that document.")

    def _comes_at_a_wrong_time(self, message: dict[str, Any], *, ending: bool) -> bool:
        """Whether a message comes before `initialize`, or when the session is over or ends.

        A request is answered so, as LSP says; a notification is left alone.
        """
        method, begun = message.get("method", ""), self._server.model is not None
        if method in {"", types.EXIT} or (method == types.INITIALIZE and not begun):
            return False
        error: JsonRpcException
        if not begun:
            error = JsonRpcServerNotInitialized(f"{method} came before initialize.")
        elif self._shutdown:
            error = JsonRpcInvalidRequest(f"{method} came after shutdown; nothing was done.")
        elif method == types.INITIALIZE:
            error = JsonRpcInvalidRequest("initialize came twice; nothing was done.")
        elif ending and method != types.SHUTDOWN:
            error = JsonRpcRequestCancelled(
                f"{method} came just before the server ended; nothing was done."
            )
        else:
            return False
        if "id" in message:
            self._answer_error(message["id"], error)
        return True

    def _answer_error(self, msg_id: Any, error: JsonRpcException) -> None:
        if msg_id is None:
            # JSON-RPC wants the id to be there and to be null; pygls leaves out what is None.
            said = {"code": error.code, "message": error.message}
            self._send_data({"jsonrpc": self.VERSION, "id": None, "error": said})
        else:
            self._send_response(msg_id, error=error.to_response_error())

    def _send_response(
        self, msg_id: Any, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None:
            # pygls keeps what it prepared for the result of a request that failed.
            self._result_types.pop(msg_id, None)
            error = types.ResponseError(code=error.code, message=error.message)
        super()._send_response(msg_id, result, error)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take the document in and let the model load while the user reads."""
        document = self._server.documents.open(params.text_document)
        # One that is opened once more begins anew.
        self._server.typists.close(document.uri)
        if document.source is not None:
            self._server.warm_up(document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply the changes to the document; one that cannot be applied is left alone."""
        documents, uri = self._server.documents, params.text_document.uri
        try:
            changes = documents.change(params.text_document, params.content_changes)
            if not changes:
                return
            self._server.typists.of(uri).changed(changes)
            self._server.surroundings.edited(changes)
        except Exception as error:
            self._forget(uri)
            log_internal(error)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget the document, and what was last computed of it or with it."""
        self._forget(params.text_document.uri)
        self._server.fills.closed()
        self._server.ripples.closed()

    def _forget(self, uri: str) -> None:
        """Forget a document and what was typed in it."""
        self._server.documents.close(uri)
        self._server.typists.close(uri)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """End the server's loop: status 0 after a shutdown request, else 1."""
        self._server.stop(0 if self._shutdown else 1)
        yield from ()


def _cancel_too(inner: Future[Any], outer: Future[Any]) -> None:
    if outer.cancelled():
        inner.cancel()
