"""What the next pass of a stream reads ahead: the likeliest drafts, and masks that make more.

Drafts come from the last fill's text where it still agrees, from what the prompt repeats, and from
masks that were read in the pass before. The ones that promise most are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import Protocol

from torch import Tensor

from dgls.inference.lookup import Lookup
from dgls.inference.mask_drafts import MaskDrafts
from dgls.network.masks import Masks

ROWS = 8
"""Rows of a pass: on a CPU so many cost little more than one, and each further one costs more."""

WORTH_READING = 0.2
"""A draft less likely than this costs more time than it saves."""

WORTH_MASKS = 0.35
"""Masks are good for nothing unless all drafts before them are right: so likely they must be."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Tokens that may follow, and how likely each is right together with all before it."""

    tokens: tuple[int, ...] = ()
    chances: tuple[float, ...] = ()

    @property
    def worth(self) -> float:
        """The tokens that are expected to be right."""
        return sum(self.chances)

    @property
    def sure(self) -> float:
        """How likely all of it is right."""
        return self.chances[-1] if self.chances else 1.0

    def first(self, count: int) -> Guess:
        """Its first `count` tokens."""
        return Guess(self.tokens[:count], self.chances[:count])


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass reads after the text: `drafts`, and `masks` after them."""

    drafts: tuple[int, ...] = ()
    masks: Masks | None = None


class Drafter(Protocol):
    """Proposes what a stream reads ahead, pass by pass."""

    def plan(self, written: Sequence[int]) -> Plan:
        """What to read after the tokens written so far."""

    def learn(self, states: Tensor, written: Sequence[int]) -> None:
        """Take the states of the last plan's masks, of which all drafts were right.

        The last token of `written` was chosen at the place before the masks.
        """


class Ending(Protocol):
    """Tells whether a token, written after others, ends the gap."""

    def __call__(self, written: Sequence[int], token: int) -> bool: ...


class BestDrafts:
    """The likeliest of what was kept, what is looked up and what masks say (a `Drafter`)."""

    def __init__(
        self,
        lookup: Lookup | None,
        masks: MaskDrafts | None,
        ends: Ending,
        kept: Sequence[int] = (),
    ) -> None:
        self._lookup = lookup
        self._masks = masks
        self._ends = ends
        self._kept = tuple(kept)
        self._drafted = Guess()

    def first(self, healed: Sequence[int]) -> Plan:
        """What to read after the prompt, of which the model writes `healed` again.

        Its last token is often one with what follows, so that masks after it are rarely of use.
        """
        if self._kept or not healed:
            return self.plan(())
        if self._masks is not None:
            return Plan(tuple(healed[:-1]), self._masks.masks)
        return Plan((*healed, *self._looked_up(healed).first(ROWS - 1).tokens))

    def plan(self, written: Sequence[int]) -> Plan:
        """What to read after the tokens written so far."""
        best = max(self._guesses(written), key=lambda guess: guess.worth, default=Guess())
        self._drafted = Guess()
        drafts = self._before_end(written, best.first(ROWS - 1))
        if self._masks is None or len(drafts) < len(best.tokens) or best.sure < WORTH_MASKS:
            return Plan(drafts)
        room = ROWS - 1 - len(drafts)
        return Plan(drafts, self._masks.masks.first(room) if room > 0 else None)

    def learn(self, states: Tensor, written: Sequence[int]) -> None:
        """Take what the masks of the last plan say."""
        if self._masks is None:
            return

        def ends(tokens: Sequence[int]) -> bool:
            return self._ends((*written, *tokens[:-1]), tokens[-1])

        found = self._masks.drafts(states, written[-1], WORTH_READING, ends)
        self._drafted = Guess(*found)

    def _guesses(self, written: Sequence[int]) -> Iterator[Guess]:
        start = len(written)
        if len(self._kept) > start and self._kept[:start] == tuple(written):
            rest = self._kept[start:]
            yield Guess(rest, tuple(accumulate([_KEPT] * len(rest), mul)))
        else:
            yield self._drafted
            yield self._looked_up(written)

    def _looked_up(self, written: Sequence[int]) -> Guess:
        if self._lookup is None:
            return Guess()
        return Guess(*self._lookup.likely(written, ROWS - 1, WORTH_READING))

    def _before_end(self, written: Sequence[int], guess: Guess) -> tuple[int, ...]:
        """The tokens before the first that ends the gap: choosing that one takes no reading."""
        text = list(written)
        for count, token in enumerate(guess.tokens):
            if self._ends(text, token):
                return guess.tokens[:count]
            text.append(token)
        return guess.tokens


_KEPT = 0.97
"""How likely a token of the last draft is right again while all before it were."""
