"""How errors are reported: what happened to the client, where to the log, code to neither."""

from __future__ import annotations

import logging
import sys
import traceback

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dgls.errors import DglsError

logger = logging.getLogger("dgls.lsp")


def clean_error(error: Exception) -> JsonRpcException:
    """The client's version of an error; an unexpected one is logged."""
    if isinstance(error, JsonRpcException):
        return JsonRpcException(error.message, error.code)
    if isinstance(error, DglsError):
        return JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed.value)
    log_internal(error)
    return JsonRpcException(
        f"dgls failed inside ({type(error).__name__}). The document was not changed, and the "
        "next request is independent of this one. The server's log says where it failed."
    )


def log_internal(error: BaseException) -> None:
    """Log where an unexpected error came from, without its message, which might have code."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s at\n%s", type(error).__name__, frames)


def keep_code_out_of_the_log() -> None:
    """Silence pygls's logging of whole messages, and so of the user's text; dgls logs to stderr."""
    pygls_logger = logging.getLogger("pygls")
    pygls_logger.addHandler(logging.NullHandler())
    pygls_logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
    logger.propagate = False
