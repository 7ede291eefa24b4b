"""Cases of code that is being typed: the rest of the function is not there yet.

A gap cut out of a whole file is easier to judge than that, because what follows it tells much. A
confidence that decides what is shown while somebody types is therefore fitted on such places too.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from random import Random

from dgls.errors import SourceFileError
from dgls.lab.evaluation.cases import Case, Kind
from dgls.lab.evaluation.cut import CODE
from dgls.lab.evaluation.places import function_bodies
from dgls.lab.evaluation.source_tree import (
    MayRead,
    SourceFile,
    anything,
    read_source,
    source_paths,
)
from dgls.policy.ask import Moment, why_not_ask
from dgls.protocol import Gap
from dgls.sound.words import last_line
from dgls.syntax.languages import language_of
from dgls.text.spans import Span

_TRIES = 200
_IN_WORDS = 0.2
"""The share of the places inside words that are taken: there the model is asked seldom."""


def typed_cases(
    folder: Path, count: int, seed: int, may_read: MayRead = anything
) -> tuple[Case, ...]:
    """At most `count` places where somebody types a function of a source tree again.

    The truth is the rest of the line, which may be empty. Raises `SourceFileError` where the tree
    holds no function.
    """
    shelves = source_paths(folder, CODE, may_read).values()
    paths = sorted(path for shelf in shelves for path in shelf)
    read = lru_cache(maxsize=64)(lambda path: _readable(folder, path))
    found: dict[str, Case] = {}
    for index in range(count if paths else 0):
        chance = Random(f"typed:{seed}:{index}")
        for _ in range(_TRIES):
            case = _typed(read(chance.choice(paths)), chance)
            if case is not None and case.id not in found:
                found[case.id] = case
                break
    if not found:
        raise SourceFileError(f"{folder} holds no function to type; nothing was measured.")
    return tuple(found.values())


Readable = tuple[SourceFile, tuple[Span, ...]]


def _readable(folder: Path, path: str) -> Readable | None:
    """A file and the bodies of its functions, None where it has none."""
    file = read_source(folder, path)
    bodies = function_bodies(file.text, language_of(path)) if file else ()
    return (file, bodies) if file and bodies else None


def _typed(readable: Readable | None, chance: Random) -> Case | None:
    """A place in a body, None where nothing would be asked there."""
    if readable is None:
        return None
    file, bodies = readable
    body = chance.choice(bodies)
    at = chance.randrange(body.start, body.end)
    before, after = file.text[:at], file.text[body.end :]
    truth = file.text[at : body.end].partition("\n")[0]
    head = last_line(before)
    moment = Moment(head, after.partition("\n")[0])
    if why_not_ask(moment) or (moment.in_word and chance.random() >= _IN_WORDS):
        return None
    # An editor indents a new line itself.
    if not head.strip() and truth[:1].isspace():
        return None
    return Case(
        id=f"{file.path}:{at}/{Kind.TYPED}",
        group=file.path,
        path=file.path,
        parts=(before, after),
        gaps=(Gap(max_lines=1),),
        truth=(truth,),
        kind=Kind.TYPED,
    )
