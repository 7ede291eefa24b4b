"""From recent edits to the other places that are offered, by each rule in turn."""

from __future__ import annotations

from dgls.edits.rules import RULES
from dgls.edits.state import Offer, State

MAX_OFFERS = 50
"""With more places than these, a rule offers none: they are a task for the editor's rename."""

_EVERYWHERE = frozenset({"rename", "import"})
"""Rules that work by name, and may also offer changes to lines that the user edited."""


def ripple(state: State) -> tuple[Offer, ...]:
    """The offers for a state, in the order of rules and places; none overlap.

    Empty if the text has no grammar or mixed line ends, or if nothing was edited.
    """
    if not state.hunks or not state.source.language.has_grammar or _mixes_line_ends(state.text):
        return ()
    chosen: list[Offer] = []
    for rule in RULES:
        found = [offer for offer in rule(state) if _is_free(offer, state, chosen)]
        if len(found) <= MAX_OFFERS:
            for offer in found:
                if _is_free(offer, state, chosen):
                    chosen.append(offer)
    return tuple(chosen)


def _is_free(offer: Offer, state: State, chosen: list[Offer]) -> bool:
    if not offer.path and offer.rule not in _EVERYWHERE and state.was_edited(offer.span):
        return False
    return not any(_overlap(offer, other) for other in chosen)


def _overlap(one: Offer, other: Offer) -> bool:
    if one.path != other.path:
        return False
    return one.span == other.span or (
        one.span.start < other.span.end and other.span.start < one.span.end
    )


def _mixes_line_ends(text: str) -> bool:
    pairs = text.count("\r\n")
    return text.count("\r") != pairs or pairs not in {0, text.count("\n")}
