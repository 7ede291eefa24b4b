"""Real fills through the scheduler: a flood, several editors at once, and exhausted memory."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator, Callable

import pytest
import torch

from dgls.checkpoint.loading import load_checkpoint
from dgls.engine.scheduler import Scheduler
from dgls.engine.worker import ModelThreads
from dgls.errors import ModelMemoryError, Stopped
from dgls.fill.canvas import CanvasFiller
from dgls.fill.stop import StopToken
from dgls.fill.strategy import Strategy
from dgls.inference.model import Model
from dgls.network.fused import FusedNetwork
from dgls.protocol import FillReply, FillRequest, Limits, OnDraft, OnProgress, Trigger
from tests.support.checkpoints import save_tiny

torch.set_num_threads(1)

WAIT_S = 60.0
PREFIX = "def total(items):\n    result = 0\n    for item in items:\n        "
SUFFIX = "\n    return result\n"


class Hooked(FusedNetwork):
    """The real network, which reports each pass before it runs."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def extend_all(self, wanted):
        self.before()
        return super().extend_all(wanted)

    def canvas_all(self, wanted):
        self.before()
        return super().canvas_all(wanted)


class EngineBackend:
    """An engine of this process, which records its requests and their stop tokens."""

    name = "tiny"

    def __init__(self, engine: CanvasFiller, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.engine = engine
        self.running: list[tuple[FillRequest, StopToken]] = []

    def load(self, progress: OnProgress) -> None:
        progress(1.0, "")

    def fill(
        self, request: FillRequest, stop: StopToken, on_draft: OnDraft | None = None
    ) -> FillReply:
        self.running.append((request, stop))
        return self.engine.fill(request, stop, on_draft)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    checkpoint = load_checkpoint(save_tiny(tmp_path_factory.mktemp("engine") / "tiny"))
    return Model(Hooked(checkpoint.model), checkpoint.codec, checkpoint.metadata)


@pytest.fixture
def network(model, monkeypatch) -> Hooked:
    """The model's network; hooks are removed after the test."""
    monkeypatch.setattr(model.network.inner, "before", lambda: None, raising=False)
    return model.network.inner


@pytest.fixture
async def make_scheduler() -> AsyncIterator[Callable[[EngineBackend], Scheduler]]:
    threads: list[ModelThreads] = []

    def make(backend: EngineBackend) -> Scheduler:
        threads.append(ModelThreads())
        return Scheduler(backend, threads[-1], max_waiting=64)

    yield make
    for thread in threads:
        assert await asyncio.to_thread(thread.close, WAIT_S)


def request(typed: str = "", path: str = "a.py", candidates: int = 3) -> FillRequest:
    """An editor's request after a keystroke."""
    return FillRequest(
        (PREFIX + typed, SUFFIX),
        path=path,
        client="editor",
        method="inline",
        trigger=Trigger.AUTOMATIC,
        limits=Limits(candidates=candidates),
    )


async def test_a_flood_of_keystrokes_wastes_at_most_one_pass_each(model, network, make_scheduler):
    """Each keystroke arrives in the middle of a pass, each time a later one of the fill."""
    backend = EngineBackend(CanvasFiller(model, Strategy(passes=2, noise=1)))
    scheduler = make_scheduler(backend)
    loop = asyncio.get_running_loop()
    keystrokes = [request("x" * number) for number in range(16)]
    tasks: list[asyncio.Task[FillReply]] = []
    begun_after_stop = [0] * len(keystrokes)
    passes = [0] * len(keystrokes)
    wasted = [0] * len(keystrokes)

    def type_next() -> None:
        tasks.append(asyncio.ensure_future(scheduler.fill(keystrokes[len(tasks)])))

    def before() -> None:
        asked, stop = backend.running[-1]
        index = keystrokes.index(asked)
        passes[index] += 1
        begun_after_stop[index] += stop.stopped
        if passes[index] == index + 1 and index + 1 < len(keystrokes):
            loop.call_soon_threadsafe(type_next)
            assert stop._event.wait(WAIT_S)
        wasted[index] += stop.stopped

    network.before = before
    type_next()
    async with asyncio.timeout(WAIT_S):
        while len(tasks) < len(keystrokes):
            await asyncio.sleep(0.001)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, Stopped) for outcome in outcomes[:-1])
    assert isinstance(outcomes[-1], FillReply)
    assert begun_after_stop == [0] * len(keystrokes)
    assert wasted == [1] * (len(keystrokes) - 1) + [0]
    assert passes[:-1] == list(range(1, len(keystrokes)))


async def test_requests_superseded_between_two_passes_compute_nothing(
    model, network, make_scheduler
):
    backend = EngineBackend(CanvasFiller(model, Strategy(passes=1, noise=1)))
    scheduler = make_scheduler(backend)
    at_work, go_on = threading.Event(), threading.Event()

    def before() -> None:
        at_work.set()
        assert go_on.wait(WAIT_S)

    network.before = before
    first = asyncio.ensure_future(scheduler.fill(request()))
    assert await asyncio.to_thread(at_work.wait, WAIT_S)
    burst = [asyncio.ensure_future(scheduler.fill(request("x" * n))) for n in range(1, 30)]
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.gather(first, *burst, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Stopped] * 29 + [FillReply]
    assert [asked.parts[0] for asked, _ in backend.running] == [PREFIX, PREFIX + "x" * 29]


async def test_several_editors_get_the_same_fills_in_fewer_passes(model, network, make_scheduler):
    engine = CanvasFiller(model, Strategy(passes=1, noise=1))
    paths = [f"{name}.py" for name in "abcd"]
    asked = [request("item." * index, path) for index, path in enumerate(paths)]
    alone = []
    for each in asked:
        model.forget_prompts()
        alone.append(engine.fill(each, StopToken()))
    model.forget_prompts()
    before = model.network.counts
    scheduler = make_scheduler(EngineBackend(engine, concurrency=4))
    replies = await asyncio.gather(*(scheduler.fill(each) for each in asked))
    for reply, expected in zip(replies, alone, strict=True):
        assert [each.texts for each in reply.candidates] == [
            each.texts for each in expected.candidates
        ]
        scores = [each.score for each in reply.candidates]
        assert scores == pytest.approx([each.score for each in expected.candidates], abs=1e-3)
        assert (reply.steps, reply.passes) == (expected.steps, expected.passes)
    ran = model.network.counts.run - before.run
    assert ran < sum(reply.passes for reply in replies)


async def test_stopping_one_editors_fill_does_not_affect_the_others(model, network, make_scheduler):
    engine = CanvasFiller(model, Strategy(passes=1, noise=1))
    asked = [request(path=f"{name}.py") for name in "abc"]
    expected = [engine.fill(each, StopToken()).best.texts for each in asked]
    scheduler = make_scheduler(EngineBackend(engine, concurrency=3))
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[FillReply]] = []
    passes = 0

    def before() -> None:
        nonlocal passes
        passes += 1
        if passes == 4:
            loop.call_soon_threadsafe(tasks[1].cancel)

    network.before = before
    tasks += [asyncio.ensure_future(scheduler.fill(each)) for each in asked]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert [outcomes[0].best.texts, outcomes[2].best.texts] == [expected[0], expected[2]]


@pytest.mark.parametrize("where", ["in a pass", "between passes"])
async def test_a_fill_too_large_for_memory_is_refused_and_the_engine_survives(
    model, network, make_scheduler, monkeypatch, where
):
    engine = CanvasFiller(model, Strategy(passes=0, noise=0))
    scheduler = make_scheduler(EngineBackend(engine))
    expected = (await scheduler.fill(request())).best.texts
    assert model.kept_prompts > 0
    with monkeypatch.context() as patch:

        def fail(*arguments: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        if where == "in a pass":
            network.before = fail
        else:
            patch.setattr(network, "unembed", fail)
        with pytest.raises(ModelMemoryError, match="nothing was changed"):
            await scheduler.fill(request("x"))
    network.before = lambda: None
    # Memory that only saves time is freed first.
    assert model.kept_prompts <= 1
    assert (await scheduler.fill(request())).best.texts == expected


async def test_cached_prompts_are_freed_before_a_fill_is_refused(model, network):
    engine = CanvasFiller(model, Strategy(passes=0, noise=0))
    others = [request(path=f"{name}.py") for name in "abc"]
    for each in others:
        engine.fill(each, StopToken())

    def before() -> None:
        if model.kept_prompts > 1:
            raise MemoryError

    network.before = before
    reply = engine.fill(dataclasses.replace(request(), path="d.py"), StopToken())
    assert reply.complete
    assert reply.candidates
