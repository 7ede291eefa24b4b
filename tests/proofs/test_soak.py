"""What the long run of typing counts as a fault at its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dgls.errors import EngineUnavailableError
from dgls.lab.bench.typing.sessions import Session
from tests.proofs import soak
from tests.proofs.typist import Tally


class SlowEditor:
    """Answers each request after a while; at the end of the session, waiting ones are cancelled."""

    def __init__(self, answer_s: float) -> None:
        self.answer_s = answer_s
        self.ended = asyncio.Event()

    def notify(self, method: str, params: Any = None) -> None: ...

    async def request(self, method: str, params: Any = None) -> list[Any]:
        try:
            async with asyncio.timeout(self.answer_s):
                await self.ended.wait()
        except TimeoutError:
            return []
        raise EngineUnavailableError("Request Cancelled")


@pytest.mark.parametrize(("answer_s", "faults"), [(0.1, 0), (60.0, 1)])
async def test_a_run_that_ends_during_a_request_waits_for_its_answer(
    answer_s: float, faults: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak, "LAST_ANSWER_S", 2.0)
    session = Session("a.py", "x = ", "a + b + c", "\n", (0.0,) * 9)
    monkeypatch.setattr(soak, "synthetic_sessions", lambda *_, **__: (session,))
    editor, tally = SlowEditor(answer_s), Tally()
    typing = asyncio.ensure_future(soak._type_on(editor, tally))  # type: ignore[arg-type]
    async with asyncio.timeout(30):
        while not tally.asked:
            await asyncio.sleep(0.001)
    typing.cancel()
    await asyncio.gather(typing, return_exceptions=True)
    editor.ended.set()
    await asyncio.sleep(0)
    assert len(tally.failures) == faults
    assert faults or tally.answered == tally.asked > 0
