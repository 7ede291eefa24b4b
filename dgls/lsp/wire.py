"""The JSON-RPC side of the server: what pygls is told to do differently, and why.

- Documents are kept by `dgls.lsp.documents`: pygls splits lines at more places than the protocol
  does, and walks through the whole text for each change.
- Each message carries a view of all documents as they were when it arrived, because an
  asynchronous handler may start after a later change was applied.
- An error tells what happened and nothing else: no traceback, no path of a file.
- A request that cannot be understood is refused with a reply instead of being left unanswered.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from dgls.errors import DglsError
from dgls.lsp.documents import Document

if TYPE_CHECKING:
    from dgls.lsp.server import DglsServer

logger = logging.getLogger("dgls.lsp")

_arrived: ContextVar[Mapping[str, Document]] = ContextVar("documents on arrival")


def documents_on_arrival() -> Mapping[str, Document]:
    """The open documents, by URI, as they were when the message at hand arrived."""
    return _arrived.get()


@dataclass(frozen=True)
class Refused:
    """A message that could not be understood and was already answered."""

    jsonrpc: str = "refused"


class Wire(LanguageServerProtocol):
    """The language server protocol as dgls speaks it."""

    _server: DglsServer

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message as a typed object; a request with unusable parameters is refused here."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "method" not in data:
                raise
            self._refuse(data)
            return Refused()

    def handle_message(self, message: Any) -> None:
        """Handle one message in a context that remembers the documents as they are now."""
        if isinstance(message, Refused) or self._comes_too_early(message):
            return
        token = _arrived.set(self._server.documents.now)
        try:
            super().handle_message(message)
        finally:
            _arrived.reset(token)

    def _refuse(self, data: dict[str, Any]) -> None:
        """Answer a request that cannot be understood.

        A notification has no answer, but a document with a change that was not understood is
        forgotten: better no help than edits for a text that the editor does not have.
        """
        if "id" in data:
            error = JsonRpcInvalidParams(
                f"The parameters of {data['method']} cannot be understood; nothing was done."
            )
            self._send_response(data["id"], error=error.to_response_error())
        elif data["method"] == types.TEXT_DOCUMENT_DID_CHANGE:
            self._server.documents.close(_uri_in(data))
            logger.warning("A change of a document was not understood; it is left alone.")

    def _comes_too_early(self, message: Any) -> bool:
        """Whether a message stands before `initialize`; a request is answered so, as LSP says."""
        method = getattr(message, "method", "")
        if self._server.status is not None or method in {"", types.INITIALIZE, types.EXIT}:
            return False
        if hasattr(message, "id"):
            error = JsonRpcServerNotInitialized(f"{method} came before initialize.")
            self._send_response(message.id, error=error.to_response_error())
        return True

    def _send_response(
        self, msg_id: Any, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        if error is not None:
            error = types.ResponseError(code=error.code, message=error.message)
        super()._send_response(msg_id, result, error)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take the document in and let the model load while the user reads."""
        document = self._server.documents.open(params.text_document)
        if document.source is not None:
            self._server.warm_up(document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply the changes to the document; one that cannot be applied is left alone."""
        documents, uri = self._server.documents, params.text_document.uri
        try:
            changes = documents.change(params.text_document, params.content_changes)
            self._server.typists.of(uri).changed(changes)
            self._server.surroundings.edited(changes)
        except Exception as error:
            documents.close(uri)
            self._server.typists.close(uri)
            log_internal(error)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget the document."""
        self._server.documents.close(params.text_document.uri)
        self._server.typists.close(params.text_document.uri)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> Generator[Any, Any, None]:
        """End the server's loop: status 0 after a shutdown request, else 1."""
        self._server.stop(0 if self._shutdown else 1)
        yield from ()


def _uri_in(data: dict[str, Any]) -> str:
    """The URI in a notification about a document, empty where there is none."""
    try:
        return str(data["params"]["textDocument"]["uri"])
    except (KeyError, TypeError):
        return ""


def clean_error(error: Exception) -> JsonRpcException:
    """What the client is told of an error; what is not raised on purpose goes to the log."""
    if isinstance(error, JsonRpcException):
        return JsonRpcException(error.message, error.code)
    if isinstance(error, DglsError):
        return JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed.value)
    log_internal(error)
    return JsonRpcException(
        f"dgls failed inside ({type(error).__name__}); the document is untouched and the next "
        "request starts anew. The server's log says where."
    )


def log_internal(error: BaseException) -> None:
    """Write where an unexpected error came from; its message might hold code, so it is left out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s at\n%s", type(error).__name__, frames)


def keep_code_out_of_the_log() -> None:
    """Silence what pygls logs (whole messages, and so the user's text); dgls logs to stderr."""
    pygls_logger = logging.getLogger("pygls")
    pygls_logger.addHandler(logging.NullHandler())
    pygls_logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.propagate = False
