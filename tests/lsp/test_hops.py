"""Counts by a trace how many of our functions a keystroke goes through before the model reads.

A language server asks an engine, both in this process. The trace records which of our functions are
on the stack wherever work moves to another task or thread, and at both ends of the connection.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from dgls.client import EngineClient
from dgls.client.connection import Connection
from dgls.config import Settings, changed
from dgls.engine.backends.local import LocalBackend
from dgls.engine.scheduler import Scheduler
from dgls.engine.worker import ModelThreads
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import Confidence
from dgls.network.qwen2 import Qwen2Network
from dgls.rendezvous.endpoint import endpoint_of
from tests.lsp.session import Session, initialized
from tests.support.qwen2 import taught_network, tiny_causal
from tests.support.served import ServedEngine

ROOT = str(Path(__file__).parents[2] / "dgls")

MAX_IN_FRONT = 9
MAX_IN_THE_ENGINE = 19

Way = tuple[str, ...]
WAY: ContextVar[Way] = ContextVar("our functions on the way to this task", default=())


def hops() -> Way:
    """The way to the caller: the way to its task, and our functions on its stack."""
    frame: FrameType | None = sys._getframe(1)
    names = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(ROOT):
            names.append(frame.f_code.co_qualname)
        frame = frame.f_back
    return (*WAY.get(), *reversed(names))


def task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any
) -> asyncio.Task[Any]:
    """A task that records the way to it."""
    context: Context = options.pop("context", None) or copy_context()
    context.run(WAY.set, hops())
    return asyncio.Task(work, loop=loop, context=context, **options)


class Served:
    """An engine with a tiny model in this process, and the settings that lead to it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.settings = changed(Settings(), {"engine.folder": str(folder)})
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(endpoint_of(self.settings).socket))
        listener.listen()
        backend = LocalBackend()
        backend._filler = CausalFiller(tiny_causal(network=taught_network()), Confidence())
        self.engine = ServedEngine(listener)
        self.engine.ready()
        self.engine.service.scheduler = Scheduler(backend, self.engine.thread, 2)


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    asyncio.get_running_loop().set_task_factory(task)
    served = Served(tmp_path / "e")
    async with initialized(EngineClient(served.settings)) as session:  # type: ignore[arg-type]
        yield session
    await served.engine.end()


async def test_from_the_handler_to_the_first_pass(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    front: list[Way] = []
    engine: list[Way] = []
    in_thread: list[Way] = []
    send, run, read = Connection.send, ModelThreads.run, Qwen2Network.read

    async def traced_send(self: Connection, method: str, target: str, *rest: Any) -> int:
        if target == "/v1/fill":
            front.append((*hops(), "Connection.send"))
        return await send(self, method, target, *rest)

    def traced_run(self: ModelThreads, call: Callable[[], Any]) -> asyncio.Future[Any]:
        way = (*hops(), "ModelThreads.run")

        def in_the_thread() -> Any:
            in_thread.append(way)
            return call()

        return run(self, in_the_thread)

    def traced_read(self: Qwen2Network, *arguments: Any, **options: Any) -> Any:
        engine.append((*in_thread[-1], *hops(), "Qwen2Network.read"))
        return read(self, *arguments, **options)

    monkeypatch.setattr(Connection, "send", traced_send)
    monkeypatch.setattr(ModelThreads, "run", traced_run)
    monkeypatch.setattr(Qwen2Network, "read", traced_read)
    await session.complete("x = ⟦⟧\n")
    handler = front[0].index("Wire._execute_handler") + 1
    assert len(front[0][handler:]) <= MAX_IN_FRONT, front[0]
    assert len(engine[0]) <= MAX_IN_THE_ENGINE, engine[0]
