"""`FILE:LINE:COL` and `L:C-L:C` on the command line: from 1, in characters."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgls.errors import InputError, PositionError, SourceFileError
from dgls.files import read_small, replace
from dgls.text.lines import Lines, Position
from dgls.text.spans import Span

if TYPE_CHECKING:
    from dgls.syntax.source import Source

STANDARD_INPUT = "-"
# Compilers print a colon after the place, and a message after a space.
_TARGET = re.compile(
    r"(?P<file>.+?)(?::(?P<line>[0-9]+)(?::(?P<column>[0-9]+))?(?::(?:\s.*)?)?)?", re.DOTALL
)
_RANGE = re.compile(r"([0-9]+):([0-9]+)-([0-9]+):([0-9]+)")
_LINES = re.compile(
    r"(?P<file>.+?):(?P<first>[0-9]+)(?:-(?P<last>[0-9]+)|(?::[0-9]+)?(?::(?:\s.*)?)?)", re.DOTALL
)
_MAX_DIGITS = 12
_LARGEST_BYTES = 50_000_000
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Target:
    """A file (`-` for standard input) and, if given, a place in it; without a column: line end."""

    file: str
    line: int | None = None
    column: int | None = None


def parse_target(argument: str) -> Target:
    """Parse `FILE`, `FILE:LINE` or `FILE:LINE:COL`, or a line as compilers print it."""
    match = _TARGET.fullmatch(argument)
    if match is None:
        raise InputError("Which file? Give FILE:LINE:COL. Nothing was filled.")
    line, column = match["line"], match["column"]
    return Target(match["file"], _number(line), _number(column))


def cursor(target: Target, text: str) -> Span:
    """The empty gap at the target's place. Raises `PositionError` for one outside the text."""
    if target.line is None:
        raise InputError(
            f"Where in {target.file}? Give {target.file}:LINE or {target.file}:LINE:COL. Nothing "
            "was filled."
        )
    if target.column is None:
        end = Lines(text).span(_from_one(target.line, "Line")).end
        return Span(end, end)
    return Span(*[_offset(text, target.line, target.column)] * 2)


def selection(argument: str, text: str) -> Span:
    """The range `L:C-L:C`, excluding its end. Raises `InputError` or `PositionError`."""
    match = _RANGE.fullmatch(argument)
    if match is None:
        raise InputError(f"--select {argument!r} is not L:C-L:C; nothing was filled.")
    first, second = map(_number, match.groups()[:2]), map(_number, match.groups()[2:])
    start, end = _offset(text, *first), _offset(text, *second)
    if end < start:
        raise PositionError(f"--select {argument} ends before it begins; nothing was filled.")
    return Span(start, end)


def parsed_source(name: str, language: str | None) -> tuple[SourceFile, Source]:
    """A file or standard input with its syntax tree; input is Python unless `language` is given.

    Raises the errors of `read_source` and `language_of`.
    """
    from dgls.syntax.languages import language_of
    from dgls.syntax.source import Source

    is_input = name == STANDARD_INPUT
    file = read_source(name, sys.stdin.buffer.read() if is_input else None)
    known = language_of("input.py" if is_input and language is None else name, language)
    return file, Source.parse(file.text, known)


def line_range(argument: str) -> tuple[str, int, int]:
    """The file and the first and last line of `FILE:FROM-TO`, or of a place as `parse_target`."""
    match = _LINES.fullmatch(argument)
    if match is None:
        raise InputError(f"{argument[:200]!r} is not FILE:FROM-TO; nothing was changed.")
    first = _number(match["first"]) or 0
    last = first if match["last"] is None else _number(match["last"]) or 0
    return match["file"], first, last


def lines_of(text: str, first: int, last: int) -> Span:
    """The lines `first` to `last`, from 1. Raises `PositionError` for lines that do not exist."""
    if last < first:
        raise PositionError(f"Lines {first}-{last} end before they begin. Nothing was changed.")
    lines = Lines(text)
    start = lines.span(_from_one(first, "Line")).start
    return Span(start, lines.span(_from_one(last, "Line")).end)


def _number(digits: str | None) -> int | None:
    """A line or column; one with too many digits is outside every text."""
    if not digits:
        return None
    return int(digits) if len(digits) <= _MAX_DIGITS else int("9" * _MAX_DIGITS)


def _offset(text: str, line: int | None, column: int | None) -> int:
    assert line is not None
    assert column is not None
    position = Position(_from_one(line, "Line"), _from_one(column, "Column"))
    return Lines(text).offset(position)


def _from_one(number: int, what: str) -> int:
    if number < 1:
        raise PositionError(f"There is no {what.lower()} 0; the first is 1. Nothing was done.")
    return number - 1


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file's text without its byte order mark, which is kept for writing."""

    name: str
    text: str
    has_byte_order_mark: bool = False

    def write(self, text: str) -> None:
        """Replace the file's text atomically; its mode and line ends stay.

        Raises `SourceFileError`, also if the file has changed since it was read.
        """
        path = Path(self.name).resolve()
        try:
            if read_small(path, _LARGEST_BYTES) != self._bytes(self.text):
                raise SourceFileError(
                    f"Another program changed {self.name} meanwhile, so dgls left it as it is. "
                    "Try again."
                )
            replace(path, self._bytes(text))
        except OSError as error:
            raise SourceFileError(
                f"{self.name} cannot be written ({error.strerror}); it was not changed."
            ) from error

    def _bytes(self, text: str) -> bytes:
        return (_BYTE_ORDER_MARK * self.has_byte_order_mark + text).encode("utf-8")


def _missing(name: str) -> InputError:
    """The error for a missing file, or for a place without numbers."""
    for colon in re.finditer(":", name):
        file, rest = name[: colon.start()], name[colon.end() :]
        if file and os.path.isfile(file):
            return InputError(
                f"{rest[:80]!r} is not a place in {file}; nothing was filled. Give {file}:LINE or "
                f"{file}:LINE:COL, both counted from 1."
            )
    return SourceFileError(f"There is no file {name}; nothing was filled.")


def read_source(name: str, data: bytes | None = None) -> SourceFile:
    """Read a file, or use `data` as its content. Raises `SourceFileError` if it is not UTF-8."""
    if data is None:
        try:
            data = read_small(Path(name), _LARGEST_BYTES)
        except FileNotFoundError as error:
            raise _missing(name) from error
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "no file can have that name"
            raise SourceFileError(
                f"{name[:200]!r} cannot be read ({why}); nothing was filled."
            ) from error
    if b"\0" in data:
        raise SourceFileError(f"{name} is binary; nothing was filled.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceFileError(
            f"{name} is not UTF-8 (byte {error.start + 1}); nothing was filled. Convert it first."
        ) from error
    unmarked = text.removeprefix(_BYTE_ORDER_MARK)
    return SourceFile(name, unmarked, has_byte_order_mark=unmarked != text)
