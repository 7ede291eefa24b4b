"""Applies the edit of one line to another: finds its tokens and compares their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

from dgls.edits.change import LineChange, Run, tokens

MAX_AROUND = 6
"""The most tokens beside an edit that are compared."""

MAX_EDITS = 16
"""The most equal edits that are compared with a place."""


@dataclass(frozen=True, slots=True)
class Around:
    """How many tokens beside an edit and beside its place are equal, ignoring white space.

    `left` and `right` are 0 to `MAX_AROUND` and count the line's end as a token. `whole` means that
    the place has everything that several edits have in common.
    """

    left: int
    right: int
    whole: bool


def neighbours(change: LineChange) -> set[str]:
    """The tokens that a line must have: the replaced ones and those beside them."""
    old, needed = change.old, set[str]()
    for run in change.runs:
        end = len(old) - run.right
        needed |= {*run.old, *old[max(0, run.left - 1) : run.left], *old[end : end + 1]}
    return needed


def applied(change: LineChange, line: str) -> str | None:
    """The line after the edit; None if it does not apply there."""
    now = tokens(line)
    if not neighbours(change) <= set(now):
        return None
    places = _places(change, now)
    if places is None:
        return None
    out, done = [], 0
    for run, (start, end) in zip(change.runs, places, strict=True):
        if now[start:end] != run.old:
            return None
        out += [*now[done:start], *run.new]
        done = end
    text = "".join([*out, *now[done:]])
    return text if text != "".join(now) else None


class Pattern:
    """Edits of the same tokens in `agreed` lines, and what they have in common."""

    def __init__(self, changes: Sequence[LineChange]) -> None:
        """The edits, the newest last; only the last `MAX_EDITS` are used."""
        self.agreed = len(changes)
        self._changes = changes[-MAX_EDITS:]
        pairs = [_shared(one, other) for one, other in combinations(self._changes, 2)]
        self._common = [
            (min(left for left, _ in runs), min(right for _, right in runs))
            for runs in zip(*pairs, strict=True)
        ]

    def around(self, line: str) -> Around:
        """The equal tokens beside the edit's place, in a line that the edit applies to.

        The most similar of the edits counts.
        """
        now = tokens(line)
        best = Around(0, 0, False)
        for change in self._changes:
            places = _places(change, now)
            if places is None:
                continue
            sides = [
                _equal(_beside(now, *place), _beside(change.old, *_own(change, run)))
                for run, place in zip(change.runs, places, strict=True)
            ]
            left, right = (min(side[part] for side in sides) for part in (0, 1))
            if left + right > best.left + best.right:
                best = Around(left, right, self._has_all(sides))
        return best

    def _has_all(self, sides: Sequence[tuple[int, int]]) -> bool:
        """Whether a place has everything that the edits have in common; False for one edit."""
        return bool(self._common) and all(
            here[0] >= there[0] and here[1] >= there[1]
            for here, there in zip(sides, self._common, strict=True)
        )


def _shared(one: LineChange, other: LineChange) -> list[tuple[int, int]]:
    """For each run, how many tokens before and after it two edits have in common."""
    return [
        _equal(_beside(one.old, *_own(one, a)), _beside(other.old, *_own(other, b)))
        for a, b in zip(one.runs, other.runs, strict=True)
    ]


def _places(change: LineChange, now: tuple[str, ...]) -> list[tuple[int, int]] | None:
    """The places of an edit's runs in another line, as token indices; None if one is missing."""
    spots: dict[int, int] = {}
    for match in SequenceMatcher(None, change.old, now, autojunk=False).get_matching_blocks():
        spots |= {match.a + i: match.b + i for i in range(match.size)}
    spots[-1], spots[len(change.old)] = -1, len(now)
    found = []
    for run in change.runs:
        left, right = spots.get(run.left - 1), spots.get(len(change.old) - run.right)
        if left is None or right is None:
            return None
        found.append((left + 1, right))
    return found


def _own(change: LineChange, run: Run) -> tuple[int, int]:
    """The place of a run in its own line, as token indices."""
    return run.left, len(change.old) - run.right


def _beside(line: Sequence[str], start: int, end: int) -> tuple[list[str], list[str]]:
    """The tokens before a place, the nearest first, and those after it."""
    before = [token for token in reversed(line[:start]) if not token.isspace()]
    after = [token for token in line[end:] if not token.isspace()]
    return before, after


def _equal(
    one: tuple[Sequence[str], Sequence[str]], other: tuple[Sequence[str], Sequence[str]]
) -> tuple[int, int]:
    left, right = (_count(a, b) for a, b in zip(one, other, strict=True))
    return left, right


def _count(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens both lines begin with; a common end counts as one more."""
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if number == MAX_AROUND or a != b:
            return number
    return min(MAX_AROUND, min(len(one), len(other)) + (len(one) == len(other)))
