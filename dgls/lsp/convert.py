"""Converts the editor's positions, ranges and URIs to spans and paths, and back."""

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
"""Python's replacement for a byte that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How one editor counts: the code units of its columns, and its line ends.

    The protocol lets \\n, \\r\\n and \\r end a line. An editor that stores lines without their ends
    knows only \\n: in a file with mixed line ends it sees a \\r as a character of the line
    (`newline_only`), and places edits after it.
    """

    encoding: Encoding = Encoding.UTF16
    newline_only: bool = False

    def lines(self, text: str) -> Lines:
        """The line starts of `text` for this editor.

        In a text without any \\n, all editors end lines at \\r.
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
        """The offset of an editor's position; a line after the last one means the text's end."""
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
    """The position in a client's own parameter, an object or a mapping; None for anything else."""
    line, character = field_of(value, "line"), field_of(value, "character")
    if type(line) is not int or type(character) is not int:
        return None
    try:
        return types.Position(line, character)
    except ValueError:
        return None


def field_of(value: object, name: str) -> Any:
    """A field of an object or a mapping; None if it is missing."""
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
        # A name that is not UTF-8 is still valid, and may be that of a link.
        path = os.fsdecode(unquote_to_bytes(parts.path))
    # A file's name may have characters that end the path in other kinds of URI.
    return path if path else unquote(parts.path)


@lru_cache(maxsize=1024)
def key_of(uri: str) -> str:
    """One spelling for all equivalent spellings of a URI: percent-encoding, `..` in paths."""
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
    """The URI with characters that would end the path of a file encoded.

    Some editors do not encode them, and a secret file must not hide after them.
    """
    return uri.replace("?", "%3F").replace("#", "%23") if _is_file(uri) else uri
