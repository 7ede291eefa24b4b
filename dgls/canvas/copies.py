"""Texts that the open file already has at places similar to the gap.

Source code repeats itself (Hindle et al., "On the naturalness of software", 2012), and what
followed the same words a screen away often belongs here. A small model cannot know a project's own
names, but it can judge them when it sees them. Each copy is a proposal like any other: the judge
scores it, and its similarity to the gap is part of the fitted confidence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from dgls.sound.block import block_end
from dgls.sound.words import is_word_char, word_at_end, word_at_start
from dgls.syntax.brackets import CLOSERS, first_unopened
from dgls.syntax.language import PLAIN, Language

_WORD = re.compile(r"\w+|[^\w\s]")
_NAME = re.compile(r"[^\W\d]\w*")
_KEY_CHARS = (3, 1)
_ENOUGH_PLACES = 8
_LEFT_CHARS = 200
_MAX_PLACES = 48


@dataclass(frozen=True, slots=True)
class Copy:
    """A text and how similar its place is to the gap.

    `left` is the number of characters before the place that equal those before the gap. `likeness`,
    0..1, is the share of words that the lines above and below have in common with those of the gap.
    Of the `places` that were looked at, `votes` have exactly this text. If none has (`renamed`),
    names in it were changed to match the lines around the gap.
    """

    text: str
    left: int
    likeness: float
    votes: int
    places: int
    renamed: bool

    @property
    def merit(self) -> float:
        """A rough rank before scoring: long matches first, then similar neighbours."""
        return math.log1p(self.left) + 2 * self.likeness + 0.3 * math.log(max(1, self.votes))


def copies(
    prefix: str, suffix: str, most: int = 8, lines: int = 1, language: Language = PLAIN
) -> list[Copy]:
    """At most `most` different texts for the gap between `prefix` and `suffix`, likeliest first.

    A text ends at the end of its line, or before what follows the gap on the line. If the gap has
    room for several `lines` and nothing follows on its own line, the lines up to the end of the
    block are proposed too.
    """
    gap = _Surroundings.of(prefix, suffix, language)
    places = sorted(_places(gap), key=lambda place: (-place.likely, place.distance))[:_MAX_PLACES]
    found: dict[str, Copy] = {}
    for place in places:
        for text, renamed in _texts(gap, place, lines):
            new = Copy(text, place.left, place.likeness, int(not renamed), len(places), renamed)
            old = found.get(text)
            found[text] = _combined(old, new) if old else new
    return sorted(found.values(), key=lambda copy: -copy.merit)[:most]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """A gap in one line: the line's `head` and what is `after` the gap, and all other lines.

    `lines` are those above and below; the gap's own line would have index `at`.
    """

    prefix: str
    head: str
    after: str
    lines: tuple[str, ...]
    at: int
    language: Language

    @classmethod
    def of(cls, prefix: str, suffix: str, language: Language) -> _Surroundings:
        above, below = prefix.split("\n"), suffix.split("\n")
        lines = (*above[:-1], *below[1:])
        return cls(prefix, above[-1], below[0], lines, len(above) - 1, language)

    @property
    def tail(self) -> str:
        """What follows the gap on its line, without white space around it."""
        return self.after.strip()

    def above(self, index: int) -> str:
        """The nearest line with text above line `index`, on its own side of the gap."""
        first = self.at if index > self.at else 0
        return next((line for line in self.lines[first:index][::-1] if line.strip()), "")

    def below(self, index: int) -> str:
        """The nearest line with text from line `index` on, on that line's side of the gap."""
        last = self.at if index < self.at else len(self.lines)
        return next((line for line in self.lines[index:last] if line.strip()), "")


@dataclass(frozen=True, slots=True)
class _Place:
    """A place to copy from: `start` in line `index`, and its similarity to the gap."""

    index: int
    start: int
    left: int
    likeness: float
    distance: int

    @property
    def likely(self) -> float:
        return math.log1p(self.left) + 2 * self.likeness


def _places(gap: _Surroundings) -> list[_Place]:
    """The places after the gap's last characters; if there are few, after its last character."""
    found: list[_Place] = []
    for chars in _KEY_CHARS:
        if len(found) < _ENOUGH_PLACES:
            found = list(_places_after(gap, gap.head[-chars:] if gap.head.strip() else ""))
    return found


def _places_after(gap: _Surroundings, key: str) -> Iterator[_Place]:
    """The places after `key`; for an empty key, the start of each line's text."""
    above, below = gap.above(gap.at), gap.below(gap.at)
    for index, line in enumerate(gap.lines):
        for start in _starts(line, key, gap.head):
            likeness = _likeness(gap.above(index), above) + _likeness(gap.below(index + 1), below)
            left = _shared_end(_before(gap, index, start), gap.prefix)
            yield _Place(index, start, left, likeness / 2, abs(index - gap.at))


def _starts(line: str, key: str, head: str) -> Iterator[int]:
    """The indices in `line` where a text like the gap's may begin."""
    if not key:
        indented = _indent(line)
        if indented < len(line):
            yield indented if head else 0
        return
    start = line.find(key)
    while start >= 0:
        yield start + len(key)
        start = line.find(key, start + 1)


def _before(gap: _Surroundings, index: int, start: int) -> str:
    """The text before a place, as far back as it is compared with the gap's prefix."""
    text = gap.lines[index][:start]
    first = gap.at if index >= gap.at else 0
    while len(text) < _LEFT_CHARS and index > first:
        index -= 1
        text = f"{gap.lines[index]}\n{text}"
    return text[-_LEFT_CHARS:]


def _texts(gap: _Surroundings, place: _Place, lines: int) -> Iterator[tuple[str, bool]]:
    """The texts to copy from a place, renamed and unchanged, each with whether it is renamed."""
    line = gap.lines[place.index]
    pairs = [
        (gap.above(place.index), gap.above(gap.at)),
        (gap.below(place.index + 1), gap.below(gap.at)),
        (line[: place.start], gap.head),
    ]
    names: dict[str, str] = {}
    for there, here in pairs:
        names |= _renaming(there, here)
    for rest in dict.fromkeys((line[place.start :], _block(gap, place, lines))):
        renamed = _NAME.sub(lambda name: names.get(name.group(), name.group()), rest)
        for text in dict.fromkeys((renamed, rest)):
            fitted = _until(text, gap)
            if fitted.strip() and _keeps_words(gap, line[: place.start], rest, text, fitted):
                yield fitted, text != rest


def _keeps_words(gap: _Surroundings, before: str, rest: str, text: str, fitted: str) -> bool:
    """Whether a copy leaves the words at its ends whole, or completes them as its place did.

    `before` and `rest` are the line that it comes from, `text` is that rest with its names changed,
    and `fitted` is the part of it that goes into the gap.
    """
    typed, following = word_at_end(gap.head), word_at_start(gap.after)
    if typed and is_word_char(fitted[0]):
        is_same = word_at_start(text) == word_at_start(rest)
        if not is_same or word_at_end(before) != typed:
            return False
    if following and is_word_char(fitted[-1]):
        return word_at_start(text[len(fitted) :]) == following
    return True


def _block(gap: _Surroundings, place: _Place, most: int) -> str:
    """The text from the place to the end of its block, at most `most` lines.

    It is indented like the gap's line. A block's lines are indented at least as much as its first.
    The block ends before a line with less indentation, before another definition, and at the file's
    outermost level before a line after a blank one.
    """
    first = gap.lines[place.index]
    depth = _indent(first)
    deeper = _indent(gap.head) - depth if gap.head.strip() else len(gap.head) - place.start
    pad = ("\t" if "\t" in gap.head or first.startswith("\t") else " ") * deeper
    last = gap.at if place.index < gap.at else len(gap.lines)
    lines = gap.lines[place.index : min(last, place.index + most)]
    if gap.tail:
        return first[place.start :]
    end = block_end(lines, depth - 1, gap.language, closed=False)
    found = [first[place.start :]]
    for above, line in pairwise(lines[:end]):
        if depth == 0 and not above.strip() and _indent(line) == 0 and line.strip():
            break
        found.append(pad + line[max(0, -deeper) :] if line.strip() else "")
    return "\n".join(found).rstrip("\n")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _until(text: str, gap: _Surroundings) -> str:
    """The text up to what follows the gap on its line; "" if that does not occur.

    If a bracket that opened before the gap closes right after it, the text ends at the matching
    bracket.
    """
    tail = gap.tail
    if not tail:
        return text
    closes = tail[0] in CLOSERS
    end = first_unopened(text, tail[0], gap.language) if closes else text.find(tail)
    return text[: max(0, end or 0)]


def _renaming(there: str, here: str) -> dict[str, str]:
    """How names of one line map to those of another of the same shape; {} for another shape."""
    one, other = _words(there), _words(here)
    if len(one) != len(other):
        return {}
    names: dict[str, str] = {}
    for old, new in zip(one, other, strict=True):
        if old == new:
            continue
        if not (old.isidentifier() and new.isidentifier()) or names.get(old, new) != new:
            return {}
        names[old] = new
    return names


def _combined(old: Copy, new: Copy) -> Copy:
    """The same text from another place: the better of both similarities, and the votes added."""
    return replace(
        old,
        left=max(old.left, new.left),
        likeness=max(old.likeness, new.likeness),
        votes=old.votes + new.votes,
        renamed=old.renamed and new.renamed,
    )


def _shared_end(one: str, other: str) -> int:
    count = 0
    for left, right in zip(reversed(one), reversed(other[-_LEFT_CHARS:]), strict=False):
        if left != right:
            break
        count += 1
    return count


def _likeness(one: str, other: str) -> float:
    """The share of words that both lines have in common, 0..1."""
    first, second = _word_set(one), _word_set(other)
    return len(first & second) / len(first | second) if first | second else 1.0


@lru_cache(maxsize=8192)
def _words(line: str) -> Sequence[str]:
    return tuple(_WORD.findall(line))


@lru_cache(maxsize=8192)
def _word_set(line: str) -> frozenset[str]:
    return frozenset(_words(line))
