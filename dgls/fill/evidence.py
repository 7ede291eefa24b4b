"""The features of a candidate that a confidence weighs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dgls.canvas.copies import Copy
from dgls.inference.written import Written

_NAME = re.compile(r"[^\W\d]\w*")
_FLOOR = -20.0
_FAR = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """The gap: the text around it, and the most lines that it may have."""

    prefix: str
    suffix: str
    lines: int

    @property
    def line_head(self) -> str:
        """The text before the gap on its line."""
        return self.prefix.rpartition("\n")[2]

    @property
    def line_tail(self) -> str:
        """The text after the gap on its line."""
        return self.suffix.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text for the gap; `source` as in `Fill.proposal`, `copy` if the document holds it."""

    text: str
    written: Written
    source: str
    copy: Copy | None = None


def features(
    candidate: Candidate,
    place: Place,
    rivals: Sequence[Candidate],
    greedy: str,
    joint: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """The features of one candidate among its `rivals` (itself included); all values are finite.

    `greedy` is the text that the model writes without a search. `joint` maps some texts to their
    log-probability together with the following text, in nats, from a model that has not seen the
    suffix.
    """
    written = candidate.written
    log_probs = [max(each, _FLOOR) for each in written.log_probs]
    end = max(written.end, _FLOOR)
    total = sum(log_probs) + end
    others = [max(r.written.total, 4 * _FLOOR) for r in rivals if r.text != candidate.text]
    head = place.line_head
    return {
        "total": total,
        "mean": total / (len(log_probs) + 1),
        "least": min([*log_probs, end]),
        "end": end,
        "length": float(len(log_probs)),
        "characters": float(len(candidate.text)) ** 0.5,
        "lead": max(-10.0, min(10.0, total - max(others))) if others else 0.0,
        "alone": float(not others),
        "greedy": float(candidate.text == greedy),
        "line_start": float(not head.strip()),
        "in_word": float(head[-1:].isalnum() or head[-1:] == "_"),
        "tail": float(bool(place.line_tail.strip())),
        "lines": float(place.lines > 1),
        "several_lines": float("\n" in candidate.text),
        "new_names": float(_new_names(candidate.text, place)),
        "comment": float(candidate.text.lstrip().startswith(("#", "//", "/*", "--", '"""'))),
        **_of_copy(candidate.copy),
        "repeats": float(_repeats_neighbour(candidate.text, place)),
        "joint_lead": _lead(candidate.text, joint or {}),
    }


def _of_copy(copy: Copy | None) -> dict[str, float]:
    if copy is None:
        return {"copied": 0.0, "likeness": 0.0, "share": 0.0}
    return {"copied": 1.0, "likeness": copy.likeness, "share": copy.votes / copy.places}


def _lead(text: str, joint: Mapping[str, float]) -> float:
    """By how many nats a text with what follows beats its best rival, at most 15."""
    others = [value for other, value in joint.items() if other != text]
    if not others:
        return 0.0
    mine = joint.get(text, max(others) - _FAR)
    return max(-_FAR, min(_FAR, mine - max(others)))


def _new_names(text: str, place: Place) -> int:
    """How many names in the text appear nowhere around it, at most five."""
    known = _names(place.prefix) | _names(place.suffix)
    last = _NAME.findall(place.line_head)[-1:] if place.line_head[-1:].isalnum() else []
    joined = "".join(last) + text
    return min(5, len({name for name in _NAME.findall(joined) if name not in known}))


@lru_cache(maxsize=16)
def _names(text: str) -> frozenset[str]:
    return frozenset(_NAME.findall(text))


def _repeats_neighbour(text: str, place: Place) -> bool:
    """Whether the gap's line would repeat the line above or below it."""
    line = (place.line_head + text.partition("\n")[0] + place.line_tail).strip()
    above = [each.strip() for each in place.prefix.split("\n")[-4:-1]]
    below = [each.strip() for each in place.suffix.split("\n")[1:4]]
    return len(line) > 2 and line in {*above, *below}
