"""Finds training files that contain an evaluation task, or a near copy of one.

A text is compared as shingles: runs of consecutive words (identifiers, keywords, numbers and the
words of docstrings, in lower case), so that layout, quotes, punctuation and comments between lines
do not hide a copy. Three views of a task are searched, because copies differ in what they keep:

- its prose, one unit for each docstring;
- its code without docstrings;
- the skeleton of its code: only keywords, builtins and numbers, which renaming does not change.

A file matches if it contains a good part of the shingles of one unit, never for a short common
line. After Broder, "On the resemblance and containment of documents" (1997): containment.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Shingle = tuple[str, ...]

_WORD = re.compile(r"\w+")
_TRIPLE_QUOTED = re.compile(r'("""|\'\'\')(.*?)\1', re.DOTALL)
_COMMENT = re.compile(r"(?m)(^|\s)#.*$")

_METHODS = (
    "append extend insert pop remove sort reverse index count join split strip replace lower upper "
    "startswith endswith isdigit isalpha isupper islower find keys values items get add update"
)
_SKELETON_WORDS = frozenset(
    word.lower()
    for word in (*keyword.kwlist, *dir(builtins), *_METHODS.split(), *map(str, range(101)))
)


@dataclass(frozen=True, slots=True)
class _View:
    """How one view of a task is shingled, and how much of it makes a match.

    `length` is the words in a shingle. A unit with fewer than `least` distinct shingles is too
    short and left out. `share` of a unit's shingles in one file is a match. A shingle with fewer
    than `variety` different words is too common to count.
    """

    length: int
    least: int
    share: float
    variety: int


_WORDS = _View(length=6, least=4, share=0.5, variety=4)
_SKELETON = _View(length=8, least=4, share=0.6, variety=4)


@dataclass(frozen=True, slots=True)
class _Index:
    """The shingles of many units: which units have each, and how many hits make a match."""

    view: _View
    shingles: frozenset[Shingle]
    holders: Mapping[Shingle, tuple[int, ...]]
    needed: tuple[int, ...]

    @classmethod
    def of(cls, units: Iterable[list[str]], view: _View) -> _Index:
        holders: dict[Shingle, list[int]] = defaultdict(list)
        needed: list[int] = []
        for unit in units:
            found = {item for item in _shingles(unit, view.length) if len({*item}) >= view.variety}
            if len(found) < view.least:
                continue
            for shingle in found:
                holders[shingle].append(len(needed))
            needed.append(max(view.least, round(len(found) * view.share)))
        frozen = {shingle: tuple(units) for shingle, units in holders.items()}
        return cls(view, frozenset(frozen), frozen, tuple(needed))

    def matches(self, words: list[str]) -> bool:
        """Whether `words` contain enough of any one unit."""
        # The intersection walks the file's shingles without a Python step for each: for 200 MB of
        # source that takes seconds instead of minutes.
        shared = self.shingles.intersection(_shingles(words, self.view.length))
        hits = Counter(unit for shingle in shared for unit in self.holders[shingle])
        return any(count >= self.needed[unit] for unit, count in hits.items())


@dataclass(frozen=True, slots=True)
class Contamination:
    """Knows the evaluation tasks and recognizes them in a training file."""

    _words: _Index
    _skeletons: _Index

    @classmethod
    def of(cls, cases_texts: Iterable[str]) -> Contamination:
        """A guard for complete tasks as source text: prompt, solution and suffix joined.

        Equal texts count once, so every case of a task may be given. The tests of a task may be
        given as separate texts.
        """
        units: list[list[str]] = []
        skeletons: list[list[str]] = []
        for text in dict.fromkeys(cases_texts):
            code = _words(_COMMENT.sub(" ", _TRIPLE_QUOTED.sub(" ", text)))
            units += [_words(match[2]) for match in _TRIPLE_QUOTED.finditer(text)]
            units.append(code)
            skeletons.append(_skeleton(code))
        return cls(_Index.of(units, _WORDS), _Index.of(skeletons, _SKELETON))

    def matches(self, source_text: str) -> bool:
        """Whether the file contains one of the tasks or a near copy of it."""
        words = _words(source_text)
        return self._words.matches(words) or self._skeletons.matches(_skeleton(words))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _skeleton(words: list[str]) -> list[str]:
    return list(filter(_SKELETON_WORDS.__contains__, words))


def _shingles(words: list[str], length: int) -> Iterable[Shingle]:
    return zip(*(words[start:] for start in range(length)), strict=False)
