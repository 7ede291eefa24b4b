"""Typing sessions with their timing: recorded, or made from source code."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgls.errors import InputError
from dgls.files import read_small
from dgls.lab.evaluation.cut import CODE
from dgls.lab.evaluation.places import function_bodies
from dgls.lab.evaluation.source_tree import MayRead, anything, read_source, source_paths
from dgls.syntax.languages import Known, language_of
from dgls.text.lines import split_lines
from dgls.text.spans import Span

# A person's intervals inside a word, and pauses to think, in milliseconds.
_IN_WORD_MS = 130.0
_THINKING_MS = 800.0
_NEW_LINE_MS = 1_100.0
_SPREAD = 0.4
_THINKS_AFTER = " (=,.:"
_THINKING_SHARE = 0.2
_SLIP_SHARE = 0.02
_LONGEST_MS = 600_000
_MIN_CHARS, _MAX_CHARS = 60, 220
_LARGEST_FILE = 200_000_000


@dataclass(frozen=True, slots=True)
class Session:
    """A text typed into a file between `before` and `after`.

    `delays_ms` has the delay before each character of `text`; before those in `slips`, a wrong
    character is typed and deleted.
    """

    name: str
    before: str
    text: str
    after: str
    delays_ms: tuple[float, ...]
    slips: frozenset[int] = frozenset()

    @property
    def whole(self) -> str:
        """The file after everything is typed."""
        return self.before + self.text + self.after


def synthetic_sessions(
    folder: Path,
    count: int,
    seed: int,
    languages: Sequence[Known] = CODE,
    may_read: MayRead = anything,
) -> tuple[Session, ...]:
    """Sessions that type the function bodies of a source tree again, with human pauses.

    Intervals are log-normal, with longer ones at new lines and sometimes after words. Raises
    `SourceFileError` if `folder` is not a folder, `InputError` if the tree has too few bodies.
    """
    chance = random.Random(seed)
    shelves = source_paths(folder, languages, may_read).values()
    paths = sorted(path for shelf in shelves for path in shelf)
    bodies = [(path, *body) for path in paths for body in _bodies(folder, path)]
    if len(bodies) < count:
        raise InputError(
            f"{folder} has {len(bodies)} functions to type, fewer than {count}; "
            "nothing was replayed."
        )
    chosen = chance.sample(bodies, count)
    return tuple(
        Session(_name(number, path), before, text, after, *_typing(text, chance))
        for number, (path, before, text, after) in enumerate(chosen)
    )


def recorded_sessions(file: Path) -> tuple[Session, ...]:
    """Sessions from a file of JSON lines with the fields of `Session`. Raises `InputError`."""
    try:
        lines = split_lines(read_small(file, _LARGEST_FILE).decode("utf-8"))
        sessions = tuple(_recorded(line) for line in lines if line)
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            f"{str(file)[:200]!r} does not hold recorded sessions ({why}); nothing was replayed."
        ) from error
    if not sessions:
        raise InputError(f"{file} holds no recorded session; nothing was replayed.")
    return sessions


def _recorded(line: str) -> Session:
    fields = json.loads(line)
    session = Session(
        **{**fields, "delays_ms": tuple(fields["delays_ms"]), "slips": frozenset(fields["slips"])}
    )
    for text in (session.name, session.before, session.text, session.after):
        if not isinstance(text, str):
            raise TypeError(f"{str(text)[:60]} is not a text")
        text.encode()
    if len(session.delays_ms) != len(session.text):
        raise ValueError(f"{session.name} does not have one delay for each character")
    numbers = (*session.delays_ms, *session.slips)
    if any(type(each) not in {int, float} or not 0 <= each <= _LONGEST_MS for each in numbers):
        raise ValueError(f"{session.name} has an impossible delay or slip")
    return session


def _name(number: int, path: str) -> str:
    """A unique name for each session, which tells the language."""
    return f"session_{number:03}{Path(path).suffix}"


def _bodies(folder: Path, path: str) -> Iterator[tuple[str, str, str]]:
    """The text before, in and after each function body of medium length."""
    file = read_source(folder, path)
    if file is None or not file.text.isascii():
        return
    for body in function_bodies(file.text, language_of(path)):
        if _MIN_CHARS <= len(body) <= _MAX_CHARS:
            before, after = Span(0, body.start), Span(body.end, len(file.text))
            yield before.of(file.text), body.of(file.text), after.of(file.text)


def _typing(text: str, chance: random.Random) -> tuple[tuple[float, ...], frozenset[int]]:
    delays, slips = [], set()
    for at, char in enumerate(text):
        delays.append(_pause(text[at - 1] if at else "\n", char, chance))
        if char.isalpha() and chance.random() < _SLIP_SHARE:
            slips.add(at)
    return tuple(delays), frozenset(slips)


def _pause(before: str, char: str, chance: random.Random) -> float:
    usual = _IN_WORD_MS
    if before == "\n":
        usual = _NEW_LINE_MS
    elif before in _THINKS_AFTER and chance.random() < _THINKING_SHARE:
        usual = _THINKING_MS
    # The editor inserts the indentation of a new line.
    return (
        0.0 if before == "\n" and char in " \t" else chance.lognormvariate(math.log(usual), _SPREAD)
    )
