"""The `dgls` command: one verb per file beside this one.

`dgls lsp` goes around the argument parser of the other verbs, because an editor waits for it.
"""

from __future__ import annotations

import sys

from dgls.imports import only_installed_code

_STARTS_THE_SERVER = {"lsp", "--stdio", "--tcp", "--clientProcessId"}


def main() -> None:
    """Run the verb on the command line; an error raised on purpose ends in one line."""
    only_installed_code()
    arguments = sys.argv[1:]
    if arguments and arguments[0].partition("=")[0] in _STARTS_THE_SERVER:
        from dgls.cli.lsp import run

        sys.exit(run(arguments[1:] if arguments[0] == "lsp" else arguments))
    from dgls.cli.app import run_app

    sys.exit(run_app(arguments))
