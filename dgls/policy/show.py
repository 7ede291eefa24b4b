"""What of a fill is shown when nobody asked for one: silence is an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dgls.policy.brackets import CLOSERS
from dgls.policy.silence import Silence
from dgls.policy.trim import trimmed
from dgls.policy.words import (
    first_line,
    is_word_char,
    last_line,
    says_something,
    word_at_end,
    word_at_start,
)

CLEARLY_BETTER = 0.25
"""By how much more confidence a text replaces another one that is on the screen."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text, trimmed already, and what it would stand between."""

    text: str
    prefix: str
    suffix: str

    @property
    def line_head(self) -> str:
        """What stands before the cursor on its line."""
        return last_line(self.prefix)

    @property
    def line_tail(self) -> str:
        """What stands behind the cursor on its line."""
        return first_line(self.suffix)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason not to show a suggestion."""

    reason: Silence
    holds: Callable[[Suggestion], bool]


def shown_text(
    fill_text: str,
    prefix: str,
    suffix: str,
    *,
    multiline: bool,
    confidence: float,
    threshold: float,
) -> str | Silence:
    """The part of a fill that is worth showing unasked between `prefix` and `suffix`.

    `confidence` and `threshold` are probabilities in 0..1; `multiline` is that of `trimmed`.
    """
    if confidence < threshold:
        return Silence.UNSURE
    text = trimmed(fill_text, prefix, suffix, multiline=multiline)
    suggestion = Suggestion(text, prefix, suffix)
    return next((rule.reason for rule in RULES if rule.holds(suggestion)), text)


def says_nothing(suggestion: Suggestion) -> bool:
    """Nothing is left but what stands there already."""
    return not suggestion.text.strip()


def only_closes(suggestion: Suggestion) -> bool:
    """Closing brackets alone are typed sooner than read."""
    return all(char in CLOSERS or char in ",;" or char.isspace() for char in suggestion.text)


def repeats_line_above(suggestion: Suggestion) -> bool:
    """The cursor's line would say the same as the last line above it that has text."""
    above = [line for line in suggestion.prefix.split("\n")[:-1] if line.strip()]
    first, *others = suggestion.text.split("\n")
    line = suggestion.line_head + first + ("" if others else suggestion.line_tail)
    if not first.strip() and others:
        # The fill begins below the cursor's line, so that line is the one above.
        above = [suggestion.line_head]
        line = next(each for each in others if each.strip())
    return bool(above) and says_something(line) and line.rstrip() == above[-1].rstrip()


def ends_a_word_badly(suggestion: Suggestion) -> bool:
    """The text would grow together with the word behind the cursor to one that stands nowhere."""
    tail = word_at_start(suggestion.suffix)
    if not tail or not is_word_char(suggestion.text[-1]):
        return False
    grown = word_at_end(suggestion.prefix + suggestion.text) + tail
    word = re.compile(rf"(?<!\w){re.escape(grown)}(?!\w)")
    return not (word.search(suggestion.prefix) or word.search(suggestion.suffix))


RULES = (
    Rule(Silence.EMPTY, says_nothing),
    Rule(Silence.CLOSERS, only_closes),
    Rule(Silence.REPEATED, repeats_line_above),
    Rule(Silence.BAD_WORD, ends_a_word_badly),
)


def remainder(shown: str, typed: str) -> str | None:
    """What is left of a shown text once its beginning was typed; None where it differs or ends."""
    if not shown.startswith(typed) or len(shown) == len(typed):
        return None
    return shown[len(typed) :]


def may_replace(shown: str, sure: float, new: str, new_sure: float) -> bool:
    """Whether a text may take the place of the one on the screen: nothing shall flicker.

    It may where it extends that one, or where its confidence (0..1) is clearly higher.
    """
    return new.startswith(shown) or new_sure >= sure + CLEARLY_BETTER
