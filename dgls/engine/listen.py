"""The sockets on which an engine listens: one private to its user, and a port if requested."""

from __future__ import annotations

import json
import os
import secrets
import socket

from dgls.errors import EngineUnavailableError, SettingError
from dgls.files import write_private
from dgls.rendezvous.endpoint import LOOPBACK, Endpoint

Listener = tuple[socket.socket, str | None]
"""A listening socket, and the required token of requests over it; None for none."""

BACKLOG = 128
"""Connections that may wait to be accepted; a Unix socket refuses more."""

_LOOPBACKS = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}


def listen(endpoint: Endpoint) -> Listener:
    """Listen where front-ends look for the engine.

    Only the holder of the endpoint's lock may call this, because another engine's files are
    replaced. Raises `EngineUnavailableError`, for example on a full disk.
    """
    try:
        endpoint.forget_address()
        return _listen_at(endpoint)
    except OSError as error:
        raise EngineUnavailableError(
            f"The engine cannot listen in {endpoint.folder} ({error.strerror}); no engine "
            "was started."
        ) from error


def listen_for_programs(host: str, port: int) -> Listener:
    """Listen on a loopback port that every program on this machine may use.

    Raises `SettingError` for a host that is not this machine, `EngineUnavailableError` if the port
    is taken.
    """
    if host not in _LOOPBACKS:
        raise SettingError(
            f"The engine listens only on this machine (127.0.0.1), not on '{host}'; nothing "
            "was started. A team shares a vLLM server instead (docs/team.md)."
        )
    try:
        return _listen_port(host, port), None
    except OSError as error:
        raise EngineUnavailableError(
            f"The engine cannot listen on port {port} ({error.strerror}); no engine was started."
        ) from error


def _listen_at(endpoint: Endpoint) -> Listener:
    if endpoint.has_unix_socket:
        return _listen_unix(endpoint), None
    listener = _listen_port(LOOPBACK, 0)
    token = secrets.token_urlsafe(32)
    address = {"port": listener.getsockname()[1], "token": token}
    write_private(endpoint.port, json.dumps(address))
    return listener, token


def _listen_unix(endpoint: Endpoint) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The folder is private, so nobody can connect between these two calls.
    listener.bind(str(endpoint.socket))
    os.chmod(endpoint.socket, 0o600)
    listener.listen(BACKLOG)
    return listener


def _listen_port(host: str, port: int) -> socket.socket:
    listener = socket.socket(_LOOPBACKS[host], socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(BACKLOG)
    return listener
