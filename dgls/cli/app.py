"""Runs the verbs with many arguments; a verb imports heavy modules only when it runs."""

from __future__ import annotations

import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from dgls.cli.main import INTERRUPTED, NO_FILE
from dgls.cli.verbs import DIRECT, VERBS, unknown_verb
from dgls.errors import DglsError

_HELP = {"help_option_names": ["-h", "--help"]}

_ENDLESS_WORD = re.compile(r"\S{500,}")
_CHECKED = re.compile(r"Value error, |, unable to parse \w+ as .*$", re.MULTILINE)

_SHOWN_CHARS = 100
"""The most characters of a word that a message quotes."""

_FAILED = 70
"""The exit status after an internal error, as in sysexits.h."""

_AFTER_INTERRUPT = {
    **dict.fromkeys(("fill", "edit", "why"), "nothing was changed"),
    **dict.fromkeys(("eval", "bench", "train"), "what was written so far was kept"),
}
"""What a stopped verb leaves in files."""


def run_app(arguments: Sequence[str]) -> int:
    """Run one verb and return its exit status (`DglsError.exit_status` for expected errors).

    Typer returns a status for Ctrl-C and for a closed reader; elsewhere `main` does.
    """
    verb = arguments[0] if arguments else ""
    try:
        if verb not in VERBS or verb in DIRECT:
            raise unknown_verb(verb)
        # A verb does not need the modules of the others.
        app, given = app_of([verb]), _with_places_last(arguments)
        status = app(args=given, prog_name="dgls", standalone_mode=False)
    except SystemExit as end:
        status = end.code
    except Exception as error:
        return _misused(error) if hasattr(error, "format_message") else told(error)
    status = status if isinstance(status, int) else 0
    if status == INTERRUPTED and verb in _AFTER_INTERRUPT:
        _said(f"interrupted; {_AFTER_INTERRUPT[verb]}.", status)
    return status


def told(error: Exception) -> int:
    """Print the error in one sentence and return the exit status."""
    if isinstance(error, DglsError):
        return _said(str(error), error.exit_status)
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        is_named = error.filename and str(error.filename) not in what
        where = f"{error.filename}: " if is_named else ""
        return _said(f"{where}{what}; the command did not finish.", NO_FILE)
    return _said(_inside(error), _FAILED)


def app_of(verbs: Iterable[str]) -> typer.Typer:
    """A parser of these verbs' arguments."""
    app = typer.Typer(
        name="dgls",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=_HELP,
    )
    app.callback()(_root)
    for verb in verbs:
        importlib.import_module(f"dgls.cli.{verb}").register(app)
    return app


def _said(message: str, status: int) -> int:
    print(f"dgls: {_ENDLESS_WORD.sub(_shortened, message)}", file=sys.stderr)
    return status


def _misused(error: Any) -> int:
    """Print the parser's complaint, or the help of a verb without arguments."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    # Typer's checks come from pydantic, whose messages begin with the name of the exception.
    what = " ".join(_CHECKED.sub("", error.format_message()).split()).rstrip(".?")
    end = "?" if "Did you mean" in what else "."
    command = error.ctx.command_path if error.ctx else "dgls COMMAND"
    lists = f"{command} --help lists its arguments"
    return _said(f"{what}{end} Nothing was done; {lists}.", error.exit_code)


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][:_SHOWN_CHARS]}…"


def _inside(error: Exception) -> str:
    """The message for an unexpected error: its origin, without text that it may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}dgls{os.sep}" in frame.filename]
    where = (own or frames)[-1]
    place = f"{os.path.basename(where.filename)}:{where.lineno}"
    return (
        f"dgls failed inside ({type(error).__name__} at {place}) and did not finish the "
        "command. Please report this with the command that you gave."
    )


def _with_places_last(arguments: Sequence[str]) -> list[str]:
    """Move places in standard input (`-:3:5`) after a `--`, because they look like options."""
    places = [argument for argument in arguments if argument.startswith("-:")]
    others = [argument for argument in arguments if not argument.startswith("-:")]
    return [*others, "--", *places] if places and "--" not in others else list(arguments)


def _root() -> None:
    """Fills in code at the cursor, with a model on this machine."""
