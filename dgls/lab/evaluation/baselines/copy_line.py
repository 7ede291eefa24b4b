"""Copies the line of the file whose surroundings are most similar to those of the gap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from dgls.lab.evaluation.cases import Case
from dgls.lab.evaluation.systems import Answer

_WORD = re.compile(r"\w+|[^\w\s]")
_IDENTIFIER = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class _Place:
    """The gap's line on both sides, and the nearest nonblank lines above and below it."""

    head: str
    tail: str
    above: str
    below: str

    @property
    def indentation(self) -> str:
        """The rest of the indentation that the lines around the gap suggest."""
        above, below = _indent(self.above), _indent(self.below)
        if self.above.rstrip().endswith(":"):
            wanted = max(above + 4, below)
        else:
            wanted = max(above, below) if self.below else above
        return " " * max(0, wanted - len(self.head))


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    likeness: float


@dataclass(frozen=True, slots=True)
class CopyLine:
    """For a gap within a line, what follows the same head in the most similar line.

    Lines are similar if their neighbours share words with the gap's neighbours; ties go to the
    nearest line above. Only the text around the gap is used.
    """

    name: str = "copy"
    settings: str = ""
    threshold: float | None = None

    def fill(self, case: Case) -> Answer:
        """The best line for each gap, or "" if the file has no similar line."""
        best = [
            _best("".join(case.parts[: index + 1]), "".join(case.parts[index + 1 :]))
            for index in range(len(case.gaps))
        ]
        return Answer(
            texts=tuple(candidate.text for candidate in best),
            confidence=min(candidate.likeness for candidate in best),
            proposal=self.name,
        )


def _best(prefix: str, suffix: str) -> _Candidate:
    found = _candidates(prefix, suffix)
    return max(found, key=lambda each: each.likeness, default=_Candidate("", 0.0))


def _candidates(prefix: str, suffix: str) -> Iterator[_Candidate]:
    """What each line of the file would put into the gap, the nearest above the gap first."""
    before, after = prefix.split("\n"), suffix.split("\n")
    upper, lower = before[:-1], after[1:]
    place = _Place(before[-1], after[0], _texts_above(upper)[-1], _texts_below(lower)[0])
    for lines, order in ((upper, reversed(range(len(upper)))), (lower, range(len(lower)))):
        # Each side is searched separately: text across the gap is no neighbour of a line.
        above, below = _texts_above(lines), _texts_below(lines)
        for index in order:
            yield from _continuation(lines[index], place, above[index], below[index + 1])


def _texts_above(lines: list[str]) -> list[str]:
    """For each line, and for the end, the nearest nonblank line above it."""
    return list(accumulate(lines, lambda last, line: line if line.strip() else last, initial=""))


def _texts_below(lines: list[str]) -> list[str]:
    """For each line the nearest nonblank one, itself or below it; "" for the end."""
    return _texts_above(lines[::-1])[::-1]


def _continuation(line: str, place: _Place, above: str, below: str) -> Iterator[_Candidate]:
    """The part of `line` at the gap's place, if it has the words around the gap."""
    anchor = _last_word(place.head)
    if anchor not in line:
        return
    at = line.rfind(anchor) + len(anchor) if anchor else 0
    tail = place.tail.strip()
    end = line.find(tail, at) if tail else len(line)
    if end < 0 or not _IDENTIFIER.search(line[at:end]):
        return
    text = line[at:end] if anchor else place.indentation + line[at:end].lstrip()
    same = _shared_end(line[:at], place.head) / len(place.head) if anchor else 1.0
    context = (_likeness(above, place.above) + _likeness(below, place.below)) / 2
    yield _Candidate(text, (same + context) / 2)


def _last_word(head: str) -> str:
    words = _WORD.findall(head)
    return words[-1] + head[len(head.rstrip()) :] if words else ""


def _shared_end(first: str, second: str) -> int:
    count = 0
    while count < min(len(first), len(second)) and first[-1 - count] == second[-1 - count]:
        count += 1
    return count


def _likeness(first: str, second: str) -> float:
    """Shared words over all words, plus a bonus for equal indentation, in 0..1."""
    one, other = set(_WORD.findall(first)), set(_WORD.findall(second))
    words = len(one & other) / len(one | other) if one | other else 1.0
    return 0.9 * words + 0.1 * (_indent(first) == _indent(second))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
