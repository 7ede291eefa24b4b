"""Builds the language server from its features."""

from __future__ import annotations

import gc

from dgls.config import Settings
from dgls.lsp import configuration
from dgls.lsp.engine import Engine
from dgls.lsp.features import (
    code_action,
    completion,
    cursor,
    inline_completion,
    instruct,
    next_edit,
    snooze,
    why,
)
from dgls.lsp.jsonrpc.errors import keep_code_out_of_the_log
from dgls.lsp.server import DglsServer, OpenEngine


def build(open_engine: OpenEngine | None = None) -> DglsServer:
    """A server that is ready to serve one client, by default with the engine's client."""
    keep_code_out_of_the_log()
    server = DglsServer(open_engine or _engine_client)
    configuration.register(server)
    server.offer(inline_completion.FEATURE, completion.FEATURE, *code_action.FEATURES)
    server.offer(*next_edit.FEATURES, *snooze.COMMANDS, why.COMMAND, next_edit.ACCEPTED)
    server.offer(instruct.COMMAND, cursor.FEATURE)
    # Loaded modules stay, and scanning them in each collection would delay keystrokes.
    gc.freeze()
    return server


def _engine_client(settings: Settings) -> Engine:
    from dgls.client import EngineClient

    return EngineClient(settings)
