"""The protocol's rules of positions in their simplest form, as a reference for the fast ones."""

from __future__ import annotations

from dgls.text.encodings import Encoding

CODECS = {
    Encoding.UTF8: ("utf-8", 1),
    Encoding.UTF16: ("utf-16-le", 2),
    Encoding.UTF32: ("utf-32-le", 4),
}


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends, by the protocol's rule in its simplest form."""
    lines, line = [], ""
    for index, char in enumerate(text):
        line += char
        if char == "\n" or (char == "\r" and text[index + 1 : index + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line]


def reference_offset(text: str, line: int, column: int, encoding: Encoding) -> int:
    """The offset of a position, counted character by character."""
    lines = split_lines(text)
    if line >= len(lines):
        return len(text)
    before = sum(len(each) for each in lines[:line])
    codec, width = CODECS[encoding]
    used = 0
    for index, char in enumerate(lines[line].rstrip("\r\n")):
        used += len(char.encode(codec)) // width
        if used > column:
            return before + index
    return before + len(lines[line].rstrip("\r\n"))
