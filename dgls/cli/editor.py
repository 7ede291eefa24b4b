"""`dgls editor`: print or write the configuration of an editor, and try it out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgls.editors.guides import EDITORS, guide
from dgls.errors import DglsError, InputError
from dgls.text.closest import closest, did_you_mean

if TYPE_CHECKING:
    from dgls.editors.check import Checked
    from dgls.editors.guides import Guide
    from dgls.editors.writing import Written

FLAGS = {
    "--write": "write it, and keep a backup of each changed file",
    "--check": "start the server as the editor would, and ask for a fill",
    "--json": "print JSON",
}


def run(arguments: Sequence[str]) -> int:
    """Run the verb and return the exit status.

    It uses argparse, because the other verbs' parser takes three times as long to load as this verb
    takes to answer.
    """
    try:
        given = _given(arguments)
        _editor(given.name, write=given.write, check=given.check, as_json=given.json)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except DglsError as error:
        print(f"dgls: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of this verb's arguments."""
    made = argparse.ArgumentParser(
        "dgls editor",
        description="Print what belongs in an editor's configuration, write it, or try it out.",
        allow_abbrev=False,
    )
    made.add_argument("name", nargs="?", default="", help=", ".join(EDITORS), metavar="EDITOR")
    for flag, what in FLAGS.items():
        made.add_argument(flag, action="store_true", help=what)
    return made


def _given(arguments: Sequence[str]) -> argparse.Namespace:
    """The parsed arguments; raises `InputError` with a suggestion for a misspelling."""
    given, unknown = parser().parse_known_args(arguments)
    if unknown:
        meant = _meant(unknown[0], (*FLAGS, "--help"))
        raise InputError(f"dgls editor has no argument '{unknown[0]}'.{meant} Nothing was changed.")
    if given.name not in EDITORS:
        what = (
            f"does not know the editor '{given.name}'" if given.name else "needs an editor's name"
        )
        meant = _meant(given.name, EDITORS)
        raise InputError(f"dgls editor {what}.{meant} It knows {', '.join(EDITORS)}.")
    return given


def _meant(word: str, known: Sequence[str]) -> str:
    return did_you_mean(closest(word, known))


def _editor(name: str, *, write: bool, check: bool, as_json: bool) -> None:
    found = guide(name)
    written = _write(found) if write else None
    if not as_json and written is not None:
        _say_written(written)
    settings = _faulty_settings() if check else ()
    if not as_json:
        for message in settings:
            _say(f"dgls: {message}")
    checked = _check(found) if check else None
    if as_json:
        print(_json(name, found, written, checked, settings))
        return
    if not write and not check:
        _say_what_to_write(name, found)
    if checked is not None:
        _say_checked(found, checked)
    for line in (found.accept, *_notes(found)):
        _say(line)


def _say(what: str) -> None:
    """Print to standard error, so that the configuration itself can be piped."""
    print(what, file=sys.stderr, flush=True)


def _write(found: Guide) -> Written:
    from dgls.editors.writing import write

    return write(found)


def _check(found: Guide) -> Checked:
    from dgls.editors.check import check

    return check(found, _say)


def _faulty_settings() -> tuple[str, ...]:
    """The server's messages about the settings in effect here."""
    from dgls.config import resolve

    return resolve(Path.cwd()).messages


def _say_what_to_write(name: str, found: Guide) -> None:
    where = f"Into {found.file}" if found.file else "Once"
    how = found.by_hand or f"{found.program} editor {name} --write does it"
    _say(f"{where} ({how}):\n")
    print(found.text, flush=True)


def _say_written(written: Written) -> None:
    if not written.changed:
        print(f"Nothing to do: dgls is already in {written.what}.", flush=True)
        return
    backup = f" The old version is in {written.backup}." if written.backup else ""
    print(f"Added dgls to {written.what}.{backup}", flush=True)


def _say_checked(found: Guide, checked: Checked) -> None:
    version = f"{found.title} {checked.version}: " if checked.version else ""
    started = f" answers in {checked.server_ms:.0f} ms" if checked.server_ms else " answers"
    print(f"{version}{checked.command}{started}; {checked.model}")
    if checked.text:
        print(f"A suggestion in {checked.fill_ms:.0f} ms: {checked.text!r}")
    else:
        print(f"No suggestion for the example (asked in {checked.fill_ms:.0f} ms).")
    if found.version and not checked.version:
        _say(f"{found.version[0]} is not on the PATH, so the editor's version was not checked.")


def _notes(found: Guide) -> list[str]:
    """Notes about the editor, its version, the user's file, and a missing model."""
    from dgls.checkpoint.automatic_model import offer
    from dgls.editors.version import installed_version, too_old
    from dgls.editors.writing import lacking

    # If PATH has no dgls, its bare name could not be typed.
    better = offer().replace(" dgls ", f" {found.program} ")
    old = too_old(found, installed_version(found))
    return [*found.notes, *filter(None, (old, lacking(found), better))]


def _json(
    name: str,
    found: Guide,
    written: Written | None,
    checked: Checked | None,
    settings: Sequence[str],
) -> str:
    fields: dict[str, Any] = {
        "editor": name,
        "file": str(found.file) if found.file else None,
        "text": found.text,
        "accept": found.accept,
        "notes": _notes(found),
        "written": dataclasses.asdict(written) if written else None,
        "check": dataclasses.asdict(checked) if checked else None,
        "settings": list(settings),
    }
    return json.dumps(fields, indent=2, ensure_ascii=False, default=str)
