"""What the next pass of a stream reads ahead: the likeliest drafts, and masks for more.

Drafts come from the last fill's text while it still agrees, from repetitions in the prompt, and
from masks that the previous pass read. The most promising ones are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul
from typing import Protocol

import torch
from torch import Tensor

from dgls.inference.lookup import Lookup
from dgls.inference.mask_drafts import MaskDrafts
from dgls.network.masks import Masks
from dgls.network.rows import Rows
from dgls.network.slots import Slots

ROWS = 8
"""Rows of a pass: on a CPU this many cost little more than one; each further row costs more."""

MAX_ROWS = 32
"""More rows than this help on no machine, because too few drafts are right."""

WORTH_READING = 0.1
"""A draft less likely than this costs more time than it saves."""

WORTH_MASKS = 0.6
"""Masks pay only if exactly the drafts before them are accepted.

Below this probability a pass reads no masks.
"""


@dataclass(frozen=True, slots=True)
class Guess:
    """Tokens that may follow, each with the probability that it and all before it are right."""

    tokens: tuple[int, ...] = ()
    chances: tuple[float, ...] = ()

    @property
    def worth(self) -> float:
        """The expected number of right tokens."""
        return sum(self.chances)

    def first(self, count: int) -> Guess:
        """Its first `count` tokens."""
        return Guess(self.tokens[:count], self.chances[:count])

    def then(self, further: Guess) -> Guess:
        """This guess and the further one, as far as that is worth reading."""
        sure = self.chances[-1] if self.chances else 1.0
        chances = tuple(sure * chance for chance in further.chances)
        worth = sum(chance >= WORTH_READING for chance in chances)
        return Guess((*self.tokens, *further.tokens[:worth]), (*self.chances, *chances[:worth]))

    def right_up_to(self) -> tuple[int, float]:
        """The likeliest number of leading tokens that are right, and its probability.

        If it is all of them, the next pass continues after the last.
        """
        steps = (1.0, *self.chances, 0.0)
        exactly = [now - after for now, after in pairwise(steps)]
        count = max(range(len(exactly)), key=exactly.__getitem__)
        return count, exactly[count]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pass reads after the text: `drafts`, and `masks` after the first `seen` of them."""

    drafts: tuple[int, ...] = ()
    masks: Masks | None = None
    seen: int = 0

    def __len__(self) -> int:
        return len(self.drafts) + (len(self.masks) if self.masks else 0)

    def after(self, tokens: Sequence[int], slots: Slots) -> Rows:
        """The rows of a pass that reads `tokens`, which go on from the slots, and then the plan.

        The masks do not see the drafts after the first `seen`, and are placed as without them.
        """
        device = slots.keys.device
        read = torch.tensor([*tokens, *self.drafts], device=device)
        unseen = len(self.drafts) - self.seen
        if self.masks is None or not unseen:
            return Rows(read, masks=self.masks)
        first = slots.length + len(read)
        end = first + len(self.masks)
        positions = torch.arange(slots.length, end, device=device)
        positions[len(read) :] -= unseen
        sees = torch.ones((len(self.masks), end), dtype=torch.bool, device=device).tril_(first)
        sees[:, first - unseen : first] = False
        return Rows(read, positions, sees, self.masks)


NOTHING = Plan()
"""A plan that reads nothing ahead."""


class Drafter(Protocol):
    """Proposes what a stream reads ahead, pass by pass."""

    def plan(self, written: Sequence[int]) -> Plan:
        """What to read after the tokens written so far."""

    def learn(self, states: Tensor, written: Sequence[int]) -> None:
        """Take the states of the last plan's masks; the drafts that they see were right.

        The last token of `written` was chosen at the place before the masks.
        """


class Ending(Protocol):
    """Tells whether a token, written after others, ends the gap."""

    def __call__(self, written: Sequence[int], token: int) -> bool: ...


class BestDrafts:
    """The likeliest of kept tokens, prompt lookup and masks (a `Drafter`)."""

    def __init__(
        self,
        lookup: Lookup | None,
        masks: MaskDrafts | None,
        ends: Ending,
        kept: Sequence[int] = (),
        rows: int = ROWS,
    ) -> None:
        """A pass reads at most `rows` positions."""
        self._ahead = rows - 1
        self._lookup = lookup
        self._masks = masks
        self._ends = ends
        self._kept = tuple(kept)
        self._drafted = Guess()

    def first(self, healed: Sequence[int]) -> Plan:
        """What to read after the prompt, whose `healed` tokens the model writes again.

        The last healed token often merges with what follows it, so masks after it rarely help.
        """
        if self._kept or not healed:
            return self.plan(())
        if self._lookup is not None:
            return Plan((*healed, *self._looked_up(healed).first(self._ahead).tokens))
        if self._masks is not None:
            return Plan(tuple(healed[:-1]), self._masks.masks, len(healed) - 1)
        return NOTHING

    def plan(self, written: Sequence[int]) -> Plan:
        """What to read after the tokens written so far."""
        best = max(self._guesses(written), key=lambda guess: guess.worth, default=Guess())
        self._drafted = Guess()
        best = best.first(self._ahead)
        # A token that ends the gap need not be read, and nothing comes after it.
        open_ = self._before_end(written, best.tokens)
        drafts = best.tokens[:open_]
        seen, chance = best.right_up_to()
        room = self._ahead - len(drafts)
        ended = open_ < len(best.tokens) and seen >= open_
        if self._masks is None or ended or chance < WORTH_MASKS or room <= 0:
            return Plan(drafts)
        return Plan(drafts, self._masks.masks.first(room), seen)

    def learn(self, states: Tensor, written: Sequence[int]) -> None:
        """Use the states of the last plan's masks for new drafts."""
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
            yield self._drafted.then(self._looked_up((*written, *self._drafted.tokens)))
            yield self._looked_up(written)

    def _looked_up(self, written: Sequence[int]) -> Guess:
        if self._lookup is None:
            return Guess()
        return Guess(*self._lookup.likely(written, self._ahead, WORTH_READING))

    def _before_end(self, written: Sequence[int], tokens: Sequence[int]) -> int:
        """How many of the tokens come before the first one that ends the gap."""
        text = list(written)
        for count, token in enumerate(tokens):
            if self._ends(text, token):
                return count
            text.append(token)
        return len(tokens)


_KEPT = 0.97
"""The probability that a token of the last draft is right again if all before it were."""
