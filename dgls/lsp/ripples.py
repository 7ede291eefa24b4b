"""Offers after recent edits, computed once per state and off the event loop.

A file of 2,000 lines takes 5 to 50 ms, and editors request code actions whenever the cursor moves:
on the loop that would delay suggestions during typing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dgls.edits.state import Offer, State


class Ripples:
    """The offers of one state at a time. Those of the last one are kept for the next request."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._last: tuple[State, tuple[Offer, ...]] | None = None
        self._closes = 0

    def closed(self) -> None:
        """Drop the last state, which may have a document that was closed now."""
        self._closes += 1
        self._last = None

    async def offers(self, state: State, is_wanted: Callable[[], bool]) -> tuple[Offer, ...]:
        """The offers for a state; empty if it is no longer wanted at its turn."""
        async with self._turn:
            if self._last is not None and self._last[0] == state:
                return self._last[1]
            if not is_wanted():
                return ()
            closes = self._closes
            offers = await asyncio.to_thread(_ripple, state)
            if closes == self._closes:
                self._last = state, offers
            return offers


def _ripple(state: State) -> tuple[Offer, ...]:
    # Imported in the thread at the first edit, so `initialize` does not wait for the rules.
    from dgls.edits.ripple import ripple

    return ripple(state)
