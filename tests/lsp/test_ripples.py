"""The offers of a state are computed once, off the event loop, and only while they are wanted."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dgls.edits import ripple
from dgls.edits.state import Offer, State
from dgls.lsp.ripples import Ripples
from dgls.syntax.languages import language_of
from dgls.syntax.source import Source

PYTHON = language_of("a.py", "python")


def state(text: str) -> State:
    """A state without edits."""
    return State(Source.parse(text, PYTHON), ())


async def test_offers_are_computed_once_without_blocking_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def slow(state: State) -> tuple[Offer, ...]:
        asked.append(state.text)
        begun.set()
        assert go_on.wait(30)
        return ()

    monkeypatch.setattr(ripple, "ripple", slow)
    offers = Ripples()
    first = asyncio.create_task(offers.offers(state("x = 1\n"), lambda: True))
    again = asyncio.create_task(offers.offers(state("x = 1\n"), lambda: True))
    old = asyncio.create_task(offers.offers(state("x = 2\n"), lambda: False))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    assert not first.done()
    go_on.set()

    assert await asyncio.gather(first, again, old) == [(), (), ()]
    assert asked == ["x = 1\n"]
