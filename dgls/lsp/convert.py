"""Between the editor's positions, ranges and URIs and the spans and paths of the other layers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from lsprotocol import types
from pygls.uris import to_fs_path

from dgls.text.encodings import Encoding
from dgls.text.lines import Lines, Position
from dgls.text.spans import Span

_REPLACED = "\ufffd"
"""What Python makes of a byte that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How one editor counts: the code units of its columns, and what ends a line.

    The protocol lets \\n, \\r\\n and \\r end a line. An editor that keeps lines without their ends
    knows \\n alone: in a file of mixed line ends a \\r is a character of the line to it
    (`newline_only`), and it places edits after it.
    """

    encoding: Encoding = Encoding.UTF16
    newline_only: bool = False

    def lines(self, text: str) -> Lines:
        """Where the lines of `text` begin for this editor.

        A text without any \\n has lines that end with \\r to everybody.
        """
        return Lines(text, newline_only=self.newline_only and "\n" in text)

    def offset(self, lines: Lines, position: types.Position) -> int | None:
        """The offset of an editor's position; None after the last line.

        A column after the line's end counts as its end, as the protocol says.
        """
        if position.line >= len(lines.starts):
            return None
        return self.clamped_offset(lines, position)

    def clamped_offset(self, lines: Lines, position: types.Position) -> int:
        """The offset of an editor's position; a line after the last one is the text's end."""
        return lines.clamped_offset(Position(position.line, position.character), self.encoding)

    def position(self, lines: Lines, offset: int) -> types.Position:
        """The editor's position of an offset, `0 <= offset <= len(text)`."""
        place = lines.position(offset, self.encoding)
        return types.Position(line=place.line, character=place.column)

    def range(self, lines: Lines, span: Span) -> types.Range:
        """The editor's range of a span."""
        start = self.position(lines, span.start)
        end = self.position(lines, span.end) if len(span) else start
        return types.Range(start=start, end=end)


def place_of(value: object) -> types.Position | None:
    """The position that a client's own parameter is, an object or a mapping; None for no such."""
    line, character = field_of(value, "line"), field_of(value, "character")
    if type(line) is not int or type(character) is not int:
        return None
    try:
        return types.Position(line, character)
    except ValueError:
        return None


def field_of(value: object, name: str) -> Any:
    """A field of what arrives as an object or as a mapping; None where it is not there."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


@lru_cache(maxsize=1024)
def path_of(uri: str) -> str:
    """The file path of a URI, or for an unsaved or remote document the path inside its URI."""
    uri = _of_a_file(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:
        return unquote(uri)
    if parts.scheme == "file" and parts.netloc.lower() in {"localhost", "127.0.0.1"}:
        uri = parts._replace(netloc="").geturl()
    path = to_fs_path(uri)
    if path and os.sep == "/" and not parts.netloc and path.startswith("//"):
        path = "/" + path.lstrip("/")
    if path and _REPLACED in path:
        # A name that is not UTF-8 is one all the same, and may be that of a link.
        path = os.fsdecode(unquote_to_bytes(parts.path))
    # A file's name may hold what ends the path of other kinds of address.
    return path if path else unquote(parts.path)


@lru_cache(maxsize=1024)
def key_of(uri: str) -> str:
    """One spelling for all those of a URI: of a character in percent, of a folder with `..`."""
    if not _is_file(uri):
        return uri
    path = os.path.normpath(path_of(uri)).replace(os.sep, "/")
    return "file://" + quote(path, errors="surrogateescape")


def _is_file(uri: str) -> bool:
    try:
        return urlsplit(uri).scheme == "file"
    except ValueError:
        return False


def _of_a_file(uri: str) -> str:
    """The URI; in a file's, what would end the path is part of its name: some editors do not write
    it in percent, and a secret must not hide behind it.
    """
    return uri.replace("?", "%3F").replace("#", "%23") if _is_file(uri) else uri
