"""Git's settings as git reads them (https://git-scm.com/docs/git-config), without running git."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dgls.files import read_small

_MAX_VARIABLES = 1000
_BLANKS = " \t\r\n"
_SECTION = re.compile(r'\[([A-Za-z0-9.-]*)(?:[ \t\r]+"((?:[^"\\\n]|\\[^\n])*)")?\]')
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*(?:=|(?=\n)|\Z)")
_VALUE = re.compile(r'((?:[^"\\#;\n]|\\(?s:.)|"(?:[^"\\\n]|\\(?s:.))*")*+)(?:[#;].*)?(?:\n|\Z)')
_LINE = re.compile(r".*\n?")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\n": ""}
_GIVEN = re.compile(r"'((?:[^']|'\\'')*)'(?:(=)(?:'((?:[^']|'\\'')*)')?)?(?:\s+|\Z)")
_NUMBER = re.compile(r"[-+]?(?:0x0*([0-9a-f]+)|0*(\d+))[kmg]?")


class Setting(NamedTuple):
    """One setting. Section and name are in lower case; `subsection` is None if there is none.

    A setting without a value has the value None, which means true.
    """

    section: str
    subsection: str | None
    name: str
    value: str | None


class UnreadableIgnoresError(Exception):
    """A file of git's that cannot be read, so that its ignored files are unknown."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be read: {why}")


def is_true(value: str | None) -> bool:
    """Whether git reads a value as true; None is a setting without a value."""
    if value is None or value.lower() in {"true", "yes", "on"}:
        return True
    number = _NUMBER.fullmatch(value.strip().lower())
    return number is not None and "0" not in number.groups()


def text_of(path: Path) -> str:
    """The text of one of git's small files; "" if it cannot be read."""
    try:
        return _read(path)
    except (OSError, ValueError):
        return ""


def settings_of(path: Path) -> Iterator[Setting]:
    """The settings in a file; empty if it does not exist.

    Raises `UnreadableIgnoresError` for a file that git would read and dgls cannot.
    """
    try:
        text = _read(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return iter(())
    except OSError as error:
        raise UnreadableIgnoresError(path, error.strerror or type(error).__name__) from error
    return _settings(text)


def given_in_environment() -> Iterator[Setting]:
    """The settings in environment variables, the weaker ones first.

    `git -c` passes its settings in `GIT_CONFIG_PARAMETERS` to the programs that it starts, such as
    an editor; those of `GIT_CONFIG_COUNT` are weaker.
    """
    try:
        count = int(os.environ.get("GIT_CONFIG_COUNT", ""))
    except ValueError:
        count = 0
    for number in range(min(count, _MAX_VARIABLES)):
        key = os.environ.get(f"GIT_CONFIG_KEY_{number}", "")
        yield _setting(key, os.environ.get(f"GIT_CONFIG_VALUE_{number}", ""))
    words = _GIVEN.findall(os.environ.get("GIT_CONFIG_PARAMETERS", "").strip())
    for key, separator, value in words[:_MAX_VARIABLES]:
        key, value = key.replace(r"'\''", "'"), value.replace(r"'\''", "'")
        if not separator:
            # Older versions of git quoted key and value together.
            key, separator, value = key.partition("=")
        yield _setting(key.strip(), value if separator else None)


def _read(path: Path) -> str:
    return read_small(path).decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def _setting(key: str, value: str | None) -> Setting:
    section, _, rest = key.partition(".")
    subsection, dot, name = rest.rpartition(".")
    return Setting(section.lower(), subsection if dot else None, name.lower(), value)


def _settings(text: str) -> Iterator[Setting]:
    """Each setting in a text. Git refuses a text with an error; here its bad lines are skipped."""
    # For git, the end of a file ends the last line.
    text, at, header = f"{text}\n".replace("\r\n", "\n"), 0, ""
    while at < len(text):
        if text[at] in _BLANKS:
            at += 1
        elif found := _SECTION.match(text, at):
            at, header = found.end(), found[1]
            if found[2] is not None:
                header += "." + re.sub(r"\\(.)", r"\1", found[2])
        elif found := _NAME.match(text, at):
            said = _VALUE.match(text, found.end()) if found[0].endswith("=") else None
            if said or not found[0].endswith("="):
                yield _setting(f"{header}.{found[1]}", said and _unquoted(said[1]))
            at = _line_end(text, said.end() - 1 if said else found.end())
        else:
            at = _line_end(text, at)


def _line_end(text: str, at: int) -> int:
    found = _LINE.match(text, at)
    return max(found.end(), at + 1) if found else len(text)


def _unquoted(value: str) -> str:
    """A value without quotes, escapes, outer blanks, and anything after a NUL."""
    said, kept, is_quoted, characters = "", 0, False, iter(value)
    for character in characters:
        if character == '"':
            is_quoted = not is_quoted
        elif character == "\\":
            following = next(characters, "")
            said += _ESCAPES.get(following, following)
        elif character not in _BLANKS or is_quoted or said:
            said += character
        kept = len(said) if is_quoted or character not in _BLANKS else kept
    return said[:kept].partition("\0")[0]
