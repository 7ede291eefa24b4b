"""How many of our functions a keystroke goes through before the model reads: a trace counts them.

Between the two traces lie the client (5 functions), the HTTP library, and the engine's route,
service, scheduler and thread (6), which no single stack shows.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import pytest

from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence
from dgls.fill.stop import StopToken
from dgls.lsp.fills import Fills
from dgls.network.qwen2 import Qwen2Network
from dgls.protocol import FillReply, FillRequest, Trigger
from tests.lsp.session import Session, reply
from tests.support.qwen2 import taught_network, tiny_causal

ROOT = str(Path(__file__).parents[2] / "dgls")

MAX_IN_FRONT = 9
MAX_IN_A_FILL = 7


def hops() -> list[str]:
    """The names of our functions on the stack of the caller, outermost first."""
    frame: FrameType | None = sys._getframe(1)
    names = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(ROOT):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return names[::-1]


async def test_from_the_handler_to_the_client(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[str]] = []
    shared = Fills._shared

    async def traced(self: Fills, *arguments: object) -> FillReply:
        found.append(hops())
        return await shared(self, *arguments)  # type: ignore[arg-type]

    def answer(request: FillRequest) -> FillReply:
        found.append(hops())
        return reply("total")

    monkeypatch.setattr(Fills, "_shared", traced)
    session.filler.answer = answer
    await session.complete("x = ⟦⟧\n")
    assert sum(map(len, found[:2])) <= MAX_IN_FRONT, found[:2]


def test_from_the_fill_to_the_first_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[list[str]] = []
    read = Qwen2Network.read

    def traced(self: Qwen2Network, *arguments: object, **options: object) -> object:
        found.append(hops())
        return read(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Qwen2Network, "read", traced)
    filler = CausalFiller(tiny_causal(network=taught_network()), Confidence())
    filler.fill(FillRequest(("x = ", "\n"), trigger=Trigger.AUTOMATIC), StopToken())
    assert len(found[0]) <= MAX_IN_A_FILL, found[0]
