"""What is said of an error: what happened to the client, where to the log, and code to neither."""

from __future__ import annotations

import logging
import sys
import traceback

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from dgls.errors import DglsError

logger = logging.getLogger("dgls.lsp")


def clean_error(error: Exception) -> JsonRpcException:
    """What the client is told of an error; what is not raised on purpose goes to the log."""
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
