"""The `dgls` command: one verb per module beside this one.

`dgls lsp`, `dgls editor`, the version and the list of verbs skip the other verbs' argument parser,
which takes long to import, because an editor or a person waits for them.

Only `os` and `sys` are imported here before `only_installed_code`, not even `__future__`.
"""

import os
import sys

from dgls import __version__
from dgls.imports import only_installed_code

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and the signal's number, as shells count."""

NO_FILE = 74
"""The exit status if a file or folder cannot be used, as in sysexits.h."""

_NOWHERE = (
    "dgls: the current folder does not exist or cannot be read; nothing was done. Change "
    "to another folder (cd)."
)
_STARTS_THE_SERVER = {"lsp", "--stdio", "--tcp", "--clientProcessId"}


def main() -> None:
    """Run the verb on the command line; an expected error ends in one line."""
    _open_what_is_closed()
    arguments = sys.argv[1:]
    if not _has_working_folder(arguments):
        print(_NOWHERE, file=sys.stderr)
        sys.exit(NO_FILE)
    only_installed_code()
    # Imported here, because it must not come from the working folder either.
    from dgls.openmp import WAITING

    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    try:
        status = run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        # The reader of the output (such as `head`) has closed it.
        _write_no_more()
        status = 1
    except Exception as error:
        from dgls.cli.app import told

        _write_no_more()
        status = told(error)
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Open the null device for closed standard streams, whose numbers files would get."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _has_working_folder(arguments: list[str]) -> bool:
    """Whether the working folder exists; a server uses absolute paths and does not need it."""
    try:
        os.getcwd()
    except OSError:
        if not _starts_the_server(arguments):
            return False
        os.chdir(os.path.abspath(os.sep))
    return True


def _write_no_more() -> None:
    """Discard unwritten output, about which Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _starts_the_server(arguments: list[str]) -> bool:
    return bool(arguments) and arguments[0].partition("=")[0] in _STARTS_THE_SERVER


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit status."""
    first = arguments[0] if arguments else "--help"
    if _starts_the_server(arguments):
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
