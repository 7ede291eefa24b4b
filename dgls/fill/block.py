"""Where a fill of several lines ends: at the end of the gap's block."""

from __future__ import annotations

from collections.abc import Sequence

_OPENERS = (":", "{", "(", "[", "->", "=>", "then", "do")


def left_block_at(text: str, line_head: str, suffix: str) -> int | None:
    """The index in `text` at which it leaves the gap's block; None if it never does.

    The block ends before a line that is indented less than the block, and before the line that
    follows the gap in the document. `line_head` is the text before the gap on its line, `suffix`
    the text after the gap. The last line may be incomplete: its indentation counts once it has
    text.
    """
    lines = text.split("\n")
    least = _depth(line_head, lines)
    following = _first_line(suffix)
    at = len(lines[0]) + 1
    for index, line in enumerate(lines[1:], 2):
        is_whole = index < len(lines)
        if line.strip() and (_indent(line) < least or (is_whole and line.rstrip() == following)):
            return at - 1
        at += len(line) + 1
    return None


def _depth(line_head: str, lines: Sequence[str]) -> int:
    """The indentation below which a line has left the block."""
    if not line_head.strip():
        return len(line_head.expandtabs(4))
    opens = (line_head + lines[0]).rstrip().endswith(_OPENERS)
    return _indent(line_head) + int(opens)


def _indent(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _first_line(suffix: str) -> str:
    """The first nonblank line of text below the gap's own line; "" if there is none."""
    below = suffix.split("\n")[1:]
    return next((line.rstrip() for line in below if line.strip()), "")
