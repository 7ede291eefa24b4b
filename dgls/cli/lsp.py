"""`dgls lsp`: the language server on standard input and output, or on one loopback port.

The arguments are parsed by hand, because an editor waits for the answer to `initialize`, and some
editors append `--stdio` and `--clientProcessId=N`.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import signal
import sys
from dataclasses import dataclass

from dgls.errors import DglsError, InputError

USAGE = """usage: dgls lsp [--stdio | --tcp [HOST:]PORT] [--clientProcessId N]

The language server, for an editor to start. Without --tcp it speaks on standard input and output.
--tcp serves one client on a loopback address; port 0 lets the system choose, and the port in use
is written to standard error."""

_MAX_DIGITS, _MAX_PID_DIGITS = 5, 10


@dataclass(frozen=True, slots=True)
class LspArguments:
    """How to serve: on standard input and output, or on `host` and `port`; and for which editor.

    `editor` is its process ID, 0 if unknown.
    """

    host: str = ""
    port: int | None = None
    editor: int = 0
    help: bool = False


def run(arguments: list[str]) -> int:
    """Serve one client and return the exit status."""
    try:
        parsed = parse_arguments(arguments)
        if parsed.help:
            print(USAGE)
            return 0
        return _serve(parsed)
    except DglsError as error:
        print(f"dgls: {error}", file=sys.stderr)
        return error.exit_status


def parse_arguments(arguments: list[str]) -> LspArguments:
    """The arguments after the verb. Raises `InputError` for an unknown one."""
    host, port, editor, wants_help = "", None, 0, False
    rest = list(arguments)
    while rest:
        name, _, value = rest.pop(0).partition("=")
        if name in {"-h", "--help"}:
            wants_help = True
        elif name in {"--tcp", "--clientProcessId"}:
            if not value and not rest:
                raise InputError(f"{name} needs a value; nothing was started.\n{USAGE}")
            value = value or rest.pop(0)
            if name == "--tcp":
                host, port = _address(value)
            else:
                editor = _number(value)
        elif name != "--stdio" or value:
            raise InputError(
                f"dgls lsp has no argument '{name[:80]}'; nothing was started.\n{USAGE}"
            )
    return LspArguments(host, port, editor, wants_help)


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > _MAX_PID_DIGITS:
        raise InputError(f"'{value[:80]}' is not a process id; nothing was started.")
    return int(value)


def _address(value: str) -> tuple[str, int]:
    host, _, digits = value.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    if not is_number or int(digits) > 65535:
        raise InputError(f"'{value[:80]}' is not [HOST:]PORT; nothing was started.")
    if not _is_loopback(host):
        raise InputError(
            f"'{host}' is not a loopback address, and dgls serves only on this machine; nothing "
            "was started. Use 127.0.0.1, ::1 or localhost."
        )
    return host, int(digits)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _serve(parsed: LspArguments) -> int:
    # The thread that waits for standard input would delay Python's normal exit.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    usual = gc.get_threshold()
    # Few imported objects are garbage, and collecting them would take a tenth of the start.
    gc.set_threshold(10_000, 10, 100)
    from dgls.lsp.editor_process import EditorProcess
    from dgls.lsp.jsonrpc.transport import serve_stdio, serve_tcp
    from dgls.lsp.main import build

    server = build()
    gc.set_threshold(*usual)
    if parsed.port is None:
        server.editor_process = EditorProcess.of(parsed.editor, os.getppid())
        return serve_stdio(server)
    server.editor_process = EditorProcess.of(parsed.editor)
    return serve_tcp(server, parsed.host, parsed.port)
