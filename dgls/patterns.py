"""Patterns of `.gitignore` (https://git-scm.com/docs/gitignore#_pattern_format).

The `pathspec` library turns a pattern into one regular expression, whose backtracking a hostile
pattern turns into a hang: `*a` fourteen times took 40 s against a name of sixty `a`. Here a name is
matched part by part without backtracking, so the time is at most the pattern's length times the
name's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dgls.globs import WILD, Glob, is_literal, tokens_of

MAX_WORK = 500_000
"""The most comparisons to judge one file: half a second. Ordinary lists need a hundredth."""

MAX_PATTERNS = 10_000
MAX_GLOB_CHARS = 200_000
LONGEST_PATTERN = 4096
"""In characters. No system has longer paths, so a longer pattern matches nothing."""

LONGEST_NAME = 255
"""In bytes: the longest part of a path on every system in use."""

_HEAD_AND_STARS = re.compile(
    r"(!?+(?:[^*?\[\\]*/)?)([^*?\[\\/]+)\*{2,}(?:/(.+)| *(/?) *)", re.DOTALL
)


_FOLDER_BY_BACKSLASH = re.compile(r"\\(?:\w|\*\*|(?<=\w\\)\*(?:\.|$))")
r"""A backslash as Windows writes it between folders: `deploy\keys.py`, `deploy\*.py`."""


class TooManyPatternsError(ValueError):
    """More patterns than any honest file has; matching them would take too long."""


class Patterns:
    """A list of patterns, of which the last that matches decides.

    Patterns that cannot match anything are skipped. Raises `TooManyPatternsError`.
    """

    def __init__(self, patterns: Iterable[str], *, ignore_case: bool = False) -> None:
        self._ignore_case = ignore_case
        self._by_name: dict[str, list[tuple[int, _Pattern]]] = {}
        self._others: list[tuple[int, _Pattern]] = []
        self._any_depth = glob_chars = 0
        for index, text in enumerate(patterns):
            glob_chars += len(text) if WILD & set(text) else 0
            if glob_chars > MAX_GLOB_CHARS:
                raise TooManyPatternsError(
                    f"its patterns have more than {MAX_GLOB_CHARS:,} characters"
                )
            found = [_parsed(each, ignore_case=ignore_case) for each in (text, *_glued(text))]
            for pattern in filter(None, found):
                if index >= MAX_PATTERNS:
                    raise TooManyPatternsError(f"it has more than {MAX_PATTERNS:,} patterns")
                self._take(index, pattern)

    def _take(self, index: int, pattern: _Pattern) -> None:
        if isinstance(name := pattern.only_name, str):
            self._by_name.setdefault(name, []).append((index, pattern))
        else:
            self._others.append((index, pattern))
            self._any_depth += len(pattern.parts) if None in pattern.parts else 0

    def work(self, depth: int) -> int:
        """The approximate upper limit of comparisons to judge a path with `depth` parts."""
        return len(self._others) + self._any_depth * depth

    def verdict(self, names: Sequence[str], *, is_folder: bool) -> bool | None:
        """The verdict of the last matching pattern: True to ignore the path; None if none matches.

        `names` are the path's parts, relative to the patterns' folder.
        """
        if self._ignore_case:
            names = [name.lower() for name in names]
        best, found = -1, None
        for index, pattern in self._by_name.get(names[-1], ()):
            if is_folder or not pattern.folders_only:
                best, found = index, not pattern.negated
        for index, pattern in reversed(self._others):
            if index < best:
                break
            if (is_folder or not pattern.folders_only) and pattern.matches(names):
                return not pattern.negated
        return found

    def matches(self, names: Sequence[str]) -> bool:
        """Whether a file, or a folder above it, is ignored.

        Also True if it would take too long to tell: leaving the file alone is the safe answer.
        """
        if sum(map(self.work, range(1, len(names) + 1))) > MAX_WORK:
            return True
        return any(
            self.verdict(names[:depth], is_folder=depth < len(names))
            for depth in range(1, len(names) + 1)
        )


@lru_cache(maxsize=32)
def patterns(texts: tuple[str, ...], *, ignore_case: bool = False) -> Patterns:
    """The compiled patterns of a setting, cached."""
    return Patterns(texts[:MAX_PATTERNS], ignore_case=ignore_case)


def why_it_matches_nothing(text: str) -> str | None:
    """Why a pattern of a setting can match no file; None if it could match one."""
    stripped = text.strip()
    parts = stripped.lstrip("!").strip("/").split("/")
    if not stripped.strip("/!"):
        return "it is empty"
    if stripped.startswith("#"):
        return "it is a comment; write \\# for a name that begins with #"
    if stripped.startswith("~"):
        return "~ is not expanded here; write the pattern relative to the workspace folder"
    if any(part in {".", ".."} for part in parts):
        return (
            "'.' and '..' are not supported here; write the pattern relative to the workspace "
            "folder"
        )
    if re.match(r"[a-zA-Z]:[\\/]", stripped):
        return "it is absolute; write it relative to the workspace folder"
    if _FOLDER_BY_BACKSLASH.search(stripped):
        return "a backslash does not separate folders here; write /"
    if len(text) > LONGEST_PATTERN:
        return f"it is longer than {LONGEST_PATTERN} characters"
    if any(map(_is_too_long, parts)):
        return "a part of it is longer than any name"
    return "a bracket is not closed, or a part is empty" if _parsed(text) is None else None


_Part = str | Glob | None
"""A plain name, one with wildcards, or None for `**`: any number of folders."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    parts: tuple[_Part, ...]
    anchored: bool
    negated: bool
    folders_only: bool

    @property
    def only_name(self) -> _Part:
        """The name that it matches in any folder; None if it needs more than a name."""
        return None if self.anchored else self.parts[0]

    def matches(self, names: Sequence[str]) -> bool:
        first = self.parts[0]
        if not self.anchored and isinstance(first, Glob):
            return first.matches(names[-1])
        return _match(self.parts, names if self.anchored else names[-1:])


def _match(parts: Sequence[_Part], names: Sequence[str]) -> bool:
    """Whether the parts match all names, with backtracking to the last `**` only."""
    part = name = restart = 0
    last_any = -1
    while name < len(names):
        if part < len(parts) and parts[part] is None:
            last_any, restart = part, name
            part += 1
        elif part < len(parts) and _fits(parts[part], names[name]):
            part, name = part + 1, name + 1
        elif last_any >= 0:
            restart += 1
            part, name = last_any + 1, restart
        else:
            return False
    return part == len(parts)


def _fits(part: _Part, name: str) -> bool:
    return part.matches(name) if isinstance(part, Glob) else part == name


def _parsed(text: str, *, ignore_case: bool = False) -> _Pattern | None:
    """A line of `.gitignore`; None for one that matches nothing."""
    if text.startswith("#") or len(text) > LONGEST_PATTERN:
        return None
    negated = text.startswith("!")
    body = _without_trailing_spaces(text[negated:])
    folders_only = body.endswith("/")
    body = body.removesuffix("/")
    pieces = _split(body)
    if pieces is None or not body:
        return None
    # Git counts a slash in a bracket too, although no name has a slash to match.
    anchored = "/" in body
    if body.startswith("/"):
        pieces = pieces[1:]
    if any(_is_too_long(piece) for piece in pieces):
        return None
    parts = [_part(piece, alone=anchored, ignore_case=ignore_case) for piece in pieces]
    if "" in parts:
        return None
    if parts[-1] is None:
        # A pattern that ends with `/**` matches the contents of the folder, not the folder.
        parts.append(Glob("*", "", "", ignore_case))
    return _Pattern(tuple(parts), anchored, negated, folders_only)


def _is_too_long(piece: str) -> bool:
    """Whether a part needs more characters than a name can have."""
    return (
        len(piece) > LONGEST_NAME and sum(each != "*" for each in tokens_of(piece)) > LONGEST_NAME
    )


def _glued(text: str) -> tuple[str, ...]:
    """The patterns equivalent to `head**/rest`: `head*/**/rest`, and `headrest`.

    `folder/head**` also matches everything below names that begin with head.

    Git compares the plain characters at a pattern's beginning separately, so for the remaining
    pattern the `**` is at the beginning.
    """
    found = _HEAD_AND_STARS.fullmatch(text)
    if found is None:
        return ()
    before, head, rest, slash = found.groups()
    if rest is None:
        return (f"{before}{head}*/**{slash}",) if before.strip("!") else ()
    anchor = "" if before.strip("!") or "/" in rest else "/"
    return (f"{before}{head}*/**/{rest}", f"{before}{anchor}{head}{rest}")


def _without_trailing_spaces(text: str) -> str:
    """As in git: trailing spaces are removed, except one after a backslash."""
    stripped = text.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return stripped + " " if len(stripped) < len(text) and backslashes % 2 else stripped


def _part(piece: str, *, alone: bool, ignore_case: bool) -> _Part:
    if alone and len(piece) > 1 and not piece.strip("*"):
        return None
    found = list(tokens_of(piece)) if WILD & set(piece) or "\\" in piece else list(piece)
    literal = [token[-1] if is_literal(token) else None for token in found]
    if ignore_case:
        literal = [each and each.lower() for each in literal]
    if None not in literal:
        return "".join(each for each in literal if each)
    first = literal.index(None)
    last = len(literal) - literal[::-1].index(None)
    prefix, suffix = literal[:first], literal[last:]
    return Glob(piece, "".join(map(str, prefix)), "".join(map(str, suffix)), ignore_case)


def _split(body: str) -> list[str] | None:
    """The parts between slashes outside brackets; None if a bracket is not closed."""
    pieces = [""]
    for token in tokens_of(body):
        if token in {"[", "\\"}:
            return None
        if token in {"/", "\\/"}:
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces
