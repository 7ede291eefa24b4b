"""Cuts cases out of any source tree, so that users can measure on their own repository.

The same tree, seed, languages and count give the same cases. All kinds of gap are equally frequent,
as far as the tree has places for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from dgls.errors import LanguageError, SourceFileError
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.places import Places, places_of
from dgls.lab.evaluation.source_tree import (
    MayRead,
    SourceFile,
    anything,
    read_source,
    source_paths,
)
from dgls.protocol import Gap
from dgls.syntax.languages import LANGUAGES, Known, language_of
from dgls.text.lines import Lines
from dgls.text.spans import Span, split_at

CODE = tuple(known for known in LANGUAGES if known.holds_code)
"""The default languages: all except those of data and prose."""

_TRIES = 200
_NEAR_LINES = 8
MULTILINE = 8
"""The most lines of a body. It limits every fill of a body, so it reveals nothing of the truth."""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a folder that are cut: those that `may_read` allows, in `languages`.

    All of these languages are equally frequent; without any, all files of `CODE` are.
    """

    languages: Sequence[Known] = ()
    may_read: MayRead = anything


def cut_cases(
    folder: Path,
    count: int,
    seed: int,
    kinds: Sequence[Kind] = tuple(Kind),
    files: Files = Files(),
) -> tuple[Case, ...]:
    """At most `count` cases of these kinds from the source files below `folder`.

    Fewer if the tree has no more places. Raises `SourceFileError` if there are none.
    """
    shelves = _shelves(folder, files)
    read = lru_cache(maxsize=64)(lambda path: _readable(folder, path))
    found: dict[str, Case] = {}
    for index in range(count if shelves else 0):
        rng = Random(f"cut:{seed}:{index}")
        paths = shelves[index // len(kinds) % len(shelves)]
        for _ in range(_TRIES):
            case = _cut(read(rng.choice(paths)), kinds[index % len(kinds)], rng)
            if case is not None and case.id not in found:
                found[case.id] = case
                break
    if not found:
        wanted = ", ".join(each.name for each in files.languages) or "source"
        raise SourceFileError(
            f"{folder} holds no {wanted} file to cut tasks from; nothing was measured."
        )
    return tuple(found.values())


def languages_of(names: Sequence[str]) -> tuple[Known, ...]:
    """The languages with these names or ids, `all` for every one. Raises `LanguageError`."""
    if "all" in names:
        return LANGUAGES
    return tuple(dict.fromkeys(_language(name) for name in names))


def _language(name: str) -> Known:
    for known in LANGUAGES:
        if name.lower() in (*known.ids, known.name.lower()):
            return known
    raise LanguageError(
        f"dgls reads no language {name!r}; nothing was measured. There are all, "
        f"{', '.join(known.ids[0] for known in LANGUAGES)}."
    )


def _shelves(folder: Path, files: Files) -> list[tuple[str, ...]]:
    """The files to choose from in turn."""
    found = source_paths(folder, files.languages or CODE, files.may_read)
    if files.languages:
        return list(found.values())
    return [tuple(sorted(path for paths in found.values() for path in paths))] if found else []


Readable = tuple[SourceFile, Places]


def _readable(folder: Path, path: str) -> Readable | None:
    """A file and its places; None if it cannot be read or parsed."""
    file = read_source(folder, path)
    places = places_of(file.text, language_of(path)) if file else None
    return (file, places) if file and places else None


def _cut(readable: Readable | None, kind: Kind, rng: Random) -> Case | None:
    if readable is None:
        return None
    file, places = readable
    spans = CUTTERS[kind](places, rng)
    truth = tuple(span.of(file.text) for span in spans)
    if not spans or not all(text.strip() for text in truth):
        return None
    lines = MULTILINE if kind is Kind.BODY else 1
    return Case(
        id=_name(file, kind, spans),
        group=file.path,
        path=file.path,
        parts=split_at(file.text, spans),
        gaps=tuple(Gap(max_lines=lines) for _ in spans),
        truth=truth,
        kind=kind,
    )


def _name(file: SourceFile, kind: Kind, spans: Sequence[Span]) -> str:
    """Names the place for a reader; its digest changes with the file."""
    start = Lines(file.text).position(spans[0].start)
    digest = hashlib.sha256(f"{spans}\0{file.text}".encode()).hexdigest()[:10]
    return f"{file.path}:{start.line + 1}:{start.column + 1}/{kind}/{digest}"


def _line_end(places: Places, rng: Random) -> tuple[Span, ...]:
    """From a token that is not the line's first to the line's end."""
    token = rng.choice(places.tokens)
    line = places.line_of(token.start)
    return (Span(token.start, line.end),) if line and token.start > line.start else ()


def _whole_line(places: Places, rng: Random) -> tuple[Span, ...]:
    """A line of code without its indentation."""
    return (rng.choice(places.lines),)


def _body(places: Places, rng: Random) -> tuple[Span, ...]:
    """The statements of a function, a branch or a loop."""
    return (rng.choice(places.bodies),) if places.bodies else ()


def _arguments(places: Places, rng: Random) -> tuple[Span, ...]:
    """The text between the brackets of a call or a definition."""
    return (rng.choice(places.arguments),) if places.arguments else ()


def _characters(places: Places, rng: Random) -> tuple[Span, ...]:
    """Characters at a random place of a line, regardless of tokens."""
    line = rng.choice(places.lines)
    start = rng.randrange(line.start, line.end)
    return (Span(start, min(line.end, start + 1 + int(rng.expovariate(1 / 12)))),)


def _several(places: Places, rng: Random) -> tuple[Span, ...]:
    """Two or three gaps of one or more tokens on nearby lines."""
    first = rng.randrange(len(places.lines))
    near = places.lines[first : first + _NEAR_LINES]
    if len(near) < 2:
        return ()
    lines = sorted(rng.sample(near, min(len(near), rng.choice((2, 2, 3)))))
    return tuple(span for line in lines if (span := _tokens_within(places, line, rng)))


def _tokens_within(places: Places, line: Span, rng: Random) -> Span | None:
    tokens = places.tokens_within(line)
    if not tokens:
        return None
    start = rng.randrange(len(tokens))
    end = min(len(tokens) - 1, start + rng.choice((0, 0, 1, 2, 4)))
    return Span(tokens[start].start, tokens[end].end)


CUTTERS: dict[Kind, Callable[[Places, Random], tuple[Span, ...]]] = {
    Kind.LINE_END: _line_end,
    Kind.WHOLE_LINE: _whole_line,
    Kind.BODY: _body,
    Kind.ARGUMENTS: _arguments,
    Kind.SPAN: _characters,
    Kind.SEVERAL: _several,
}
"""The function that cuts each kind of gap from a text; it gives () if there is no place."""
