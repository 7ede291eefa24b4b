"""One part of a `.gitignore` pattern: its wildcards and brackets, and what they match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

WILD = frozenset("*?[")
_NOTHING = r"[^\s\S]"
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


@dataclass(frozen=True)
class Glob:
    """One part of a pattern with wildcards, with its text as `source`.

    If case is ignored, `prefix`, `suffix` and names are in lower case. `source` is not, because a
    range may end in either case.
    """

    source: str
    prefix: str
    suffix: str
    ignore_case: bool = False

    def matches(self, name: str) -> bool:
        """Whether it matches a whole name."""
        could = name.startswith(self.prefix) and name.endswith(self.suffix)
        return could and self._regex.fullmatch(name) is not None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        pieces = [""]
        for token in tokens_of(self.source):
            if token != "*":
                pieces[-1] += _regex_of(token)
            elif pieces[-1] or len(pieces) == 1:
                pieces.append("")
        first, *others = pieces
        flags = re.DOTALL | (re.IGNORECASE if self.ignore_case else 0)
        if not others:
            return re.compile(first, flags)
        *middle, last = others
        # An atomic group keeps the first match of its piece, which is always good enough.
        atoms = "".join(f"(?>.*?{piece})" for piece in middle)
        return re.compile(f"{first}{atoms}.*{last}", flags)


def tokens_of(text: str) -> Iterator[str]:
    """Characters, `\\x` and complete brackets; a lone `[` or `\\` if one is not closed."""
    at = 0
    while at < len(text):
        end = at + 1
        if text[at] == "\\" and end < len(text):
            end += 1
        elif text[at] == "[":
            end = _bracket_end(text, at) or end
        yield text[at:end]
        at = end


def is_literal(token: str) -> bool:
    """Whether a token is one plain character, or an escaped one."""
    return token[0] not in WILD


def _bracket_end(text: str, start: int) -> int | None:
    at = start + 1
    if text[at : at + 1] in {"!", "^"}:
        at += 1
    if text[at : at + 1] == "]":
        at += 1
    while at < len(text) and text[at] != "]":
        if text[at] == "\\":
            at += 2
        elif end := _class_end(text, at):
            at = end
        else:
            at += 1
    return at + 1 if at < len(text) else None


def _class_end(text: str, at: int) -> int:
    """The end of a class `[:name:]` that begins at an index; 0 if none does.

    For git the first `]` ends it, and it is no class without a colon before that.
    """
    end = text.find("]", at + 2) if text.startswith("[:", at) else -1
    return end + 1 if end > at + 2 and text[end - 1] == ":" else 0


def _regex_of(token: str) -> str:
    if token == "?":
        return "."
    return _class(token[1:-1]) if token[0] == "[" else re.escape(token[-1])


def _class(body: str) -> str:
    """A bracket's regular expression; a range that runs backwards has only its first member."""
    negated = body[:1] in {"!", "^"}
    members: list[str] = []
    for low, high in _ranges(body[negated:]):
        if len(low) > 1 and low not in _CLASSES:
            # Git gives up on an unknown class.
            return _NOTHING
        if len(low) > 1:
            members.append(_CLASSES[low])
        else:
            members.append(f"{re.escape(low)}-{re.escape(high if low <= high else low)}")
    inside = "".join(members)
    if not inside:
        return "." if negated else _NOTHING
    return f"[{'^' if negated else ''}{inside}]"


def _ranges(body: str) -> Iterator[tuple[str, str]]:
    """The members of a bracket: ranges of characters, or a class's name twice."""
    at = 0
    while at < len(body):
        if end := _class_end(body, at):
            name = body[at + 2 : end - 2]
            yield (name, name) if len(name) > 1 else ("zz", "zz")
            at = end
            continue
        low, at = _character(body, at)
        high = low
        if body[at : at + 1] == "-" and at + 1 < len(body):
            high, at = _character(body, at + 1)
        yield low, high


def _character(body: str, at: int) -> tuple[str, int]:
    escaped = body[at] == "\\" and at + 1 < len(body)
    return (body[at + 1], at + 2) if escaped else (body[at], at + 1)
