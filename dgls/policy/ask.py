"""Decides whether an automatic request asks the model at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dgls.policy.silence_reasons import Silence
from dgls.sound.words import is_word, is_word_char, last_line
from dgls.text.indentation import USUAL_UNIT, indentation, unit_of


@dataclass(frozen=True, slots=True)
class Moment:
    """The cursor's line at a moment, and the last change.

    `line_head` is before the cursor, `line_tail` after it. `deleted_shown`: the last change removed
    a suggestion that had been accepted or typed.
    """

    line_head: str
    line_tail: str
    deleted_shown: bool = False

    @property
    def in_word(self) -> bool:
        """Whether the cursor is right after a letter, a digit or an underscore."""
        return is_word_char(self.line_head[-1:])


def why_not_ask(moment: Moment) -> Silence | None:
    """The first rule against asking at this moment; None if the model is asked."""
    return next((rule.reason for rule in RULES if rule.holds(moment)), None)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason not to ask."""

    reason: Silence
    holds: Callable[[Moment], bool]


def deleted_what_was_shown(moment: Moment) -> bool:
    """The user has just removed the last suggestion: another one would be a nuisance."""
    return moment.deleted_shown


def is_inside_a_word(moment: Moment) -> bool:
    """There are letters on both sides: any insertion would make a meaningless word."""
    return is_word(moment.line_head[-1:] + moment.line_tail[:1])


RULES = (
    Rule(Silence.DELETED, deleted_what_was_shown),
    Rule(Silence.INSIDE_WORD, is_inside_a_word),
)


def lines_wanted(prefix: str, line_tail: str, opener: re.Pattern[str], most: int) -> int:
    """How many lines to ask for: more than one only where a block opens.

    `opener` matches the end of a line that opens a block. In the middle of a line the answer is
    one.
    """
    if line_tail.strip():
        return 1
    lines = reversed(prefix.rsplit("\n", 2)[-2:])
    header = next((line for line in lines if line.strip()), "")
    return most if opener.search(header.rstrip()) else 1


def next_gap(line: str, line_tail: str, prefix: str, opener: re.Pattern[str]) -> str:
    """The text that the user will probably type between an accepted suggestion and the next gap.

    `line` is the cursor's line with the suggestion. After a complete line this is a new line,
    indented as an editor would; in the middle of a line it is empty.
    """
    if line_tail.strip():
        return ""
    last = last_line(line)
    deeper = (unit_of(prefix) or USUAL_UNIT) if opener.search(last.rstrip()) else ""
    return "\n" + indentation(last) + deeper
