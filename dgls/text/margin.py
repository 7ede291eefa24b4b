"""The indentation that all lines of a block share, removed and put back."""

from __future__ import annotations

import textwrap

from dgls.text.indentation import indentation


def margin_of(head: str, text: str) -> str:
    """The indentation of a block whose first line begins after `head`.

    Empty if `head` has more than white space, or if a line of the block is indented less.
    """
    if head.strip():
        return ""
    lines = [line for line in text.split("\n")[1:] if line.strip()]
    return head if all(line.startswith(head) for line in lines) else ""


def without_margin(head: str, text: str) -> str:
    """The block moved to the left margin; unchanged if its lines share no indentation."""
    margin = margin_of(head, text)
    if not margin:
        return text if head.strip() else head + text
    first, *others = text.split("\n")
    return "\n".join([first, *(line.removeprefix(margin) for line in others)])


def with_margin(head: str, old: str, text: str) -> str:
    """The inverse of `without_margin`: a block indented to replace `old` after `head`.

    The indentation that all lines of `text` share is removed first.
    """
    if head.strip():
        return text.lstrip(" \t")
    margin = margin_of(head, old)
    if margin or not head:
        first, *others = textwrap.dedent(text).split("\n")
        moved = [margin + line if line.strip() else line for line in others]
        return "\n".join([first, *moved])
    first, *others = text.split("\n")
    return "\n".join([first[len(indentation(first)) :], *others])
