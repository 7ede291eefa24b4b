"""Which part of a fill is shown: after an automatic request, often nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dgls.policy.silence_reasons import Silence
from dgls.protocol import Fill
from dgls.sound.alike import alike
from dgls.sound.clean import sound
from dgls.sound.cleaned import Refusal
from dgls.sound.site import Site
from dgls.sound.words import (
    first_line,
    is_word_char,
    last_line,
    says_something,
    word_at_end,
    word_at_start,
)
from dgls.syntax.brackets import CLOSERS

CLEARLY_BETTER = 0.25
"""How much higher its confidence must be for a text to replace another on the screen."""

HARDLY_RIGHT = 0.05
"""The least share of the best confidence with which another text is shown beside the best."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sound text and the place where it would go."""

    text: str
    prefix: str
    suffix: str

    @property
    def line_head(self) -> str:
        """The text before the cursor on its line."""
        return last_line(self.prefix)

    @property
    def line_tail(self) -> str:
        """The text after the cursor on its line."""
        return first_line(self.suffix)


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason not to show a suggestion."""

    reason: Silence
    holds: Callable[[Suggestion], bool]


def shown_text(
    fill_text: str, site: Site, *, confidence: float, threshold: float, complete: bool = True
) -> str | Silence:
    """The part of a fill that is worth showing after an automatic request.

    `confidence` and `threshold` are probabilities in 0..1. A low confidence in a reply that is not
    `complete` tells little about the model.
    """
    if confidence < threshold:
        return Silence.UNSURE if complete else Silence.LATE
    found = sound(site, fill_text)
    if found.refusal is not None:
        return REFUSED.get(found.refusal, Silence.EMPTY)
    suggestion = Suggestion(found.text, site.prefix, site.suffix)
    return next((rule.reason for rule in RULES if rule.holds(suggestion)), found.text)


def shown_when_explicit(site: Site, candidates: Sequence[Fill]) -> dict[str, float] | Silence:
    """What is shown after an explicit request: each sound text with its confidence, best first.

    Of texts that differ only in white space the first counts. Texts that are hardly right beside
    the surest one are left out. If none is left, the reason.
    """
    kept: dict[str, tuple[str, float]] = {}
    refusals = []
    least = HARDLY_RIGHT * max((fill.confidence for fill in candidates), default=0.0)
    for fill in candidates:
        found = sound(site, fill.texts[0])
        if found.refusal is not None:
            refusals.append(REFUSED.get(found.refusal))
            continue
        suggestion = Suggestion(found.text, site.prefix, site.suffix)
        reason = next((rule.reason for rule in EXPLICIT_RULES if rule.holds(suggestion)), None)
        if reason is not None:
            refusals.append(reason)
        elif not kept or fill.confidence >= least:
            kept.setdefault(alike(found.text), (found.text, fill.confidence))
    return dict(kept.values()) or next(filter(None, refusals), Silence.EMPTY)


REFUSED = {Refusal.BROKEN: Silence.BROKEN, Refusal.HOLE: Silence.HOLE}
"""The silence for an answer that was refused, unless it just had nothing new."""


def only_closes(suggestion: Suggestion) -> bool:
    """Closing brackets alone are faster to type than to read."""
    return all(char in CLOSERS or char in ",;" or char.isspace() for char in suggestion.text)


def repeats_line_above(suggestion: Suggestion) -> bool:
    """The cursor's line would repeat the last line with text above it."""
    above = [line for line in suggestion.prefix.split("\n")[:-1] if line.strip()]
    first, *others = suggestion.text.split("\n")
    line = suggestion.line_head + first + ("" if others else suggestion.line_tail)
    if not first.strip() and others:
        # The fill begins below the cursor's line, so that line is the one above.
        above = [suggestion.line_head]
        line = next(each for each in others if each.strip())
    return bool(above) and says_something(line) and line.rstrip() == above[-1].rstrip()


def ends_a_word_badly(suggestion: Suggestion) -> bool:
    """The text and the word after the cursor would form a word that occurs nowhere."""
    tail = word_at_start(suggestion.suffix)
    if not tail or not is_word_char(suggestion.text[-1]):
        return False
    grown = word_at_end(suggestion.prefix + suggestion.text) + tail
    word = re.compile(rf"(?<!\w){re.escape(grown)}(?!\w)")
    return not (word.search(suggestion.prefix) or word.search(suggestion.suffix))


RULES = (
    Rule(Silence.CLOSERS, only_closes),
    Rule(Silence.REPEATED, repeats_line_above),
    Rule(Silence.BAD_WORD, ends_a_word_badly),
)

EXPLICIT_RULES = tuple(rule for rule in RULES if rule.reason is not Silence.CLOSERS)
"""A user who asks may want closing brackets, but neither a repeated line nor a broken word."""


def remainder(shown: str, typed: str) -> str | None:
    """The rest of a shown text after its beginning was typed; None if it differs or is empty."""
    if not shown.startswith(typed) or len(shown) == len(typed):
        return None
    return shown[len(typed) :]


def may_replace(shown: str, sure: float, new: str, new_sure: float) -> bool:
    """Whether a text may replace the one on the screen, which must not flicker.

    It may if it extends that one, or if its confidence (0..1) is clearly higher.
    """
    return new.startswith(shown) or new_sure >= sure + CLEARLY_BETTER
