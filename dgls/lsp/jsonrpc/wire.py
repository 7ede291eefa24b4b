"""The JSON-RPC side of the server: what pygls does differently here, and why.

- Documents are kept by `dgls.lsp.documents`: pygls splits lines at more places than the protocol
  does, and scans the whole text for each change.
- Each message carries a view of all documents as they were when it arrived, because an
  asynchronous handler may start after a later change was applied.
- An error tells only what happened: no traceback, no path of a file.
- An invalid request gets an error reply instead of none.
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
    """An invalid message that was already answered."""

    jsonrpc: str = "refused"


class Wire(LanguageServerProtocol):
    """The language server protocol as dgls speaks it."""

    _server: DglsServer

    def receive(self, message: Message, *, ending: bool = False) -> None:
        """Handle a message from the client; an invalid one gets an error reply.

        If the client is `ending` its session already, a request is answered as cancelled and a
        notification ignored, because their work would only keep the client waiting.
        """
        if isinstance(message, Bad):
            self._answer_error(message.number, JsonRpcException(message.message, message.code))
        elif not self._comes_at_a_wrong_time(message, ending=ending) and not cancels_nothing(
            message
        ):
            self.handle_message(self.structure_message(message))

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message as a typed object; a request with invalid parameters is refused here."""
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
            # A request continues; see `Tasks.handling`.
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
        """Let a cancelled request also end its command, which pygls does not do."""
        before = set(self._request_futures)
        super()._run_generator(future, gen=gen, result_future=result_future)
        for key in self._request_futures.keys() - before:
            result_future.add_done_callback(partial(_cancel_too, self._request_futures[key]))

    def _execute_handler(self, msg_id: Any, *args: Any, **options: Any) -> None:
        """Run a handler, and forget a notification's future when it is done.

        pygls does that only for requests, so it would keep every notification of the session.
        """
        super()._execute_handler(msg_id, *args, **options)
        running = self._request_futures.get(msg_id)
        if running is not None and options.get("callback") == self._check_handler_result:
            running.add_done_callback(lambda _: self._forget_soon(msg_id))

    def _forget_soon(self, msg_id: Any) -> None:
        """Forget a handler, but not while pygls iterates over all of them at the end."""
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_soon(self._request_futures.pop, msg_id, None)

    def _refuse(self, data: dict[str, Any]) -> None:
        """Answer an invalid request.

        A notification has no answer. A document whose change was not understood is dropped: no help
        is better than edits for a text that the editor does not have.
        """
        if "id" in data:
            what = f"The parameters of {data['method']} are not valid; nothing was done."
            self._answer_error(data["id"], JsonRpcInvalidParams(what))
        elif data["method"] == types.TEXT_DOCUMENT_DID_CHANGE:
            self._forget(uri_in(data))
            logger.warning("A change of a document was not valid; dgls ignores that document.")

    def _comes_at_a_wrong_time(self, message: dict[str, Any], *, ending: bool) -> bool:
        """Whether a message arrives before `initialize`, or when the session is over or ending.

        A request gets LSP's error for that; a notification is ignored.
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
            # JSON-RPC requires an id of null; pygls leaves out fields that are None.
            said = {"code": error.code, "message": error.message}
            self._send_data({"jsonrpc": self.VERSION, "id": None, "error": said})
        else:
            self._send_response(msg_id, error=error.to_response_error())

    def _send_response(
        self, msg_id: Any, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None:
            # pygls keeps the result type of a failed request.
            self._result_types.pop(msg_id, None)
            error = types.ResponseError(code=error.code, message=error.message)
        super()._send_response(msg_id, result, error)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Add the document and let the model load while the user reads."""
        document = self._server.documents.open(params.text_document)
        # A document that is opened again starts over.
        self._server.typists.close(document.uri)
        if document.source is not None:
            self._server.warm_up(document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply the changes to the document; an invalid one is ignored."""
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
        """Remove the document, and everything that was computed from it."""
        self._forget(params.text_document.uri)
        self._server.fills.closed()
        self._server.ripples.closed()

    def _forget(self, uri: str) -> None:
        """Remove a document and its user's state."""
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
