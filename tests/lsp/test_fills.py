"""Replies that are cached, shared and dropped."""

from __future__ import annotations

import asyncio

import pytest

from dgls.lsp.fills import Fills
from dgls.protocol import FillReply, FillRequest, Trigger
from tests.lsp.session import reply

TYPED = FillRequest(("x = ", "\n"), trigger=Trigger.AUTOMATIC)
ASKED = FillRequest(("y = ", "\n"))


class Model:
    """Answers with its name once it is released."""

    def __init__(self, name: str) -> None:
        self.name, self.asked, self.go = name, 0, asyncio.Event()

    async def fill(self, request: FillRequest) -> FillReply:
        self.asked += 1
        await self.go.wait()
        return reply(self.name)


async def test_a_late_answer_of_another_model_is_neither_kept_nor_shared() -> None:
    fills, old, new = Fills(), Model("old"), Model("new")
    late = asyncio.ensure_future(fills.get(TYPED, old.fill))
    await asyncio.sleep(0)
    fills.forget()
    anew = asyncio.ensure_future(fills.get(TYPED, new.fill))
    await asyncio.sleep(0)
    old.go.set()
    assert (await late).best.texts == ("old",), "its caller still gets it"
    assert not fills.known(TYPED)
    new.go.set()
    assert (await anew).best.texts == ("new",)
    assert (await fills.get(TYPED, old.fill)).best.texts == ("new",)
    assert (old.asked, new.asked) == (1, 1)


async def test_the_usual_time_counts_only_waits_during_typing() -> None:
    fills, model = Fills(), Model("x")
    model.go.set()
    await fills.get(ASKED, model.fill)
    assert fills.p50_ms is None
    await fills.get(TYPED, model.fill)
    assert fills.p50_ms is not None


@pytest.mark.parametrize(("waited_s", "counts"), [(0.2, False), (3.0, True)])
async def test_a_wait_cancelled_late_counts_as_slow(
    waited_s: float, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("dgls.lsp.fills.time.monotonic", lambda: now)
    fills, model = Fills(), Model("x")
    typed = asyncio.ensure_future(fills.get(TYPED, model.fill))
    await asyncio.sleep(0)
    now += waited_s
    typed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await typed
    assert fills.p50_ms == (pytest.approx(1000 * waited_s) if counts else None)
