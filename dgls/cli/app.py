"""The verbs with many arguments, from their files. A verb imports what is heavy when it runs."""

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
"""Of a word without end that a message quotes."""

_FAILED = 70
"""The exit status after a mistake of ours, that of sysexits.h."""

_AFTER_INTERRUPT = {
    **dict.fromkeys(("fill", "edit", "why"), "nothing was changed"),
    **dict.fromkeys(("eval", "bench", "train"), "what was written so far was kept"),
}
"""What a verb that is stopped has done to files."""


def run_app(arguments: Sequence[str]) -> int:
    """Run one verb and return its exit status (`DglsError.exit_status` for errors on purpose).

    Typer makes a status of Ctrl-C and of a reader that has enough; elsewhere `main` does.
    """
    verb = arguments[0] if arguments else ""
    try:
        if verb not in VERBS or verb in DIRECT:
            raise unknown_verb(verb)
        # A verb needs no other one's file.
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
    """Say in one sentence what went wrong; the exit status."""
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
    """Say what the parser found wrong, or print the help of a verb that was given nothing."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return int(error.exit_code)
    # Typer's checks are pydantic's, which begins with the name of the exception.
    what = " ".join(_CHECKED.sub("", error.format_message()).split()).rstrip(".?")
    end = "?" if "Did you mean" in what else "."
    command = error.ctx.command_path if error.ctx else "dgls COMMAND"
    lists = f"{command} --help lists its arguments"
    return _said(f"{what}{end} Nothing was done; {lists}.", error.exit_code)


def _shortened(word: re.Match[str]) -> str:
    return f"{word[0][:_SHOWN_CHARS]}…"


def _inside(error: Exception) -> str:
    """An error that nobody foresaw: where it came from, without the text that it may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}dgls{os.sep}" in frame.filename]
    where = (own or frames)[-1]
    place = f"{os.path.basename(where.filename)}:{where.lineno}"
    return (
        f"dgls failed inside ({type(error).__name__} at {place}) and did not finish the "
        "command. Please report this with the command that you gave."
    )


def _with_places_last(arguments: Sequence[str]) -> list[str]:
    """Places in standard input (`-:3:5`) after a `--`, or they would be taken for options."""
    places = [argument for argument in arguments if argument.startswith("-:")]
    others = [argument for argument in arguments if not argument.startswith("-:")]
    return [*others, "--", *places] if places and "--" not in others else list(arguments)


def _root() -> None:
    """Fills in code at the cursor, with a model on this machine."""
