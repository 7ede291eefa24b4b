"""The model for a session: its loading, and the messages to the user."""

from __future__ import annotations

import asyncio

from lsprotocol import types

from dgls.errors import EngineUnavailableError, Stopped
from dgls.lsp.indicator import Indicator
from dgls.lsp.shared_model import SharedModel
from dgls.protocol import FillReply, FillRequest, Health, OnProgress
from tests.lsp.session import until

REQUEST = FillRequest(("x = ", "\n"))


class Window:
    """What the user sees."""

    shows_progress = True

    def __init__(self) -> None:
        self.steps: list[str] = []

    def show(self, message: str, kind: types.MessageType) -> None:
        self.steps.append(message)

    async def create_progress(self, token: str) -> None:
        pass

    def report_progress(self, token: str, value: object) -> None:
        self.steps.append(type(value).__name__)


class Engine:
    """Loads until it is released; its fills fail in turn."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.loads = 0
        self.fills: list[asyncio.Future[FillReply]] = []

    async def wait_ready(self, on_progress: OnProgress | None = None) -> None:
        self.loads += 1
        if on_progress is not None:
            on_progress(0.5, "reading")
        await self.go.wait()

    async def health(self) -> Health | None:
        return None

    async def fill(self, request: FillRequest) -> FillReply:
        self.fills.append(asyncio.get_running_loop().create_future())
        return await self.fills[-1]

    async def close(self) -> None:
        pass


def model(engine: Engine, window: Window) -> SharedModel:
    return SharedModel(lambda: engine, window, Indicator(lambda report: None))


async def test_progress_ends_when_loading_is_given_up() -> None:
    engine, window = Engine(), Window()
    shared = model(engine, window)
    loading = asyncio.ensure_future(shared.warm_up())
    await until(lambda: window.steps == ["WorkDoneProgressBegin"])
    await shared.close()
    await until(lambda: window.steps == ["WorkDoneProgressBegin", "WorkDoneProgressEnd"])
    loading.cancel()


async def test_two_failed_fills_in_a_row_load_the_model_once() -> None:
    engine = Engine()
    engine.go.set()
    shared = model(engine, Window())
    first, second = (asyncio.ensure_future(shared.fill(REQUEST)) for _ in range(2))
    await until(lambda: len(engine.fills) == 2)
    engine.fills[0].set_exception(EngineUnavailableError("It ended."))
    await asyncio.wait({first})
    third = asyncio.ensure_future(shared.fill(REQUEST))
    await until(lambda: len(engine.fills) == 3)
    engine.fills[1].set_exception(EngineUnavailableError("It ended."))
    await asyncio.wait({second})
    fourth = asyncio.ensure_future(shared.fill(REQUEST))
    await until(lambda: len(engine.fills) == 4)
    assert engine.loads == 2
    for each in engine.fills[2:]:
        each.set_exception(Stopped("The end."))
    await asyncio.wait({third, fourth})
    assert all(isinstance(each.exception(), Stopped) for each in (third, fourth))
