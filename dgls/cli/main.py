"""The `dgls` command: one verb per file beside this one.

`dgls lsp` goes around the argument parser of the other verbs, because an editor waits for it, and
so do `dgls editor`, the version and the list of verbs, because a person does.

Nothing but `os` and `sys` is imported here, not even `__future__`, before `only_installed_code`.
"""

import os
import sys

from dgls import __version__
from dgls.imports import only_installed_code

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and the signal's number, as shells count."""

_STARTS_THE_SERVER = {"lsp", "--stdio", "--tcp", "--clientProcessId"}


def main() -> None:
    """Run the verb on the command line; an error raised on purpose ends in one line."""
    only_installed_code()
    # Before torch is loaded: its threads sleep while they wait (`dgls.client.launch`).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output (`head`) has enough. Python would complain at its end otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run what the command line asks for and return the exit status."""
    first = arguments[0] if arguments else "--help"
    if first.partition("=")[0] in _STARTS_THE_SERVER:
        from dgls.cli.lsp import run as run_server

        return run_server(list(arguments[1:] if first == "lsp" else arguments))
    if first in {"-V", "--version"}:
        print(f"dgls {__version__}")
        return 0
    if first in {"-h", "--help", "help"}:
        from dgls.cli.verbs import help_page

        print(help_page())
        return 0
    if first == "editor":
        from dgls.cli.editor import run as run_editor

        return run_editor(arguments[1:])
    from dgls.cli.app import run_app

    return run_app(arguments)
