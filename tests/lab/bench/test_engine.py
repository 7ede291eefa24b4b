"""`dgls bench engine` measures what it says; no test judges the figures."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dgls.checkpoint.codec import HfCodec
from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import InputError, LanguageError
from dgls.lab.bench import engine, load
from dgls.lab.bench.editors import Outcome, Typing, Typist, type_for, typed
from dgls.lab.bench.instant import FACTORY
from dgls.lab.bench.typing.sessions import Session
from dgls.protocol import Fill, FillReply, Timings
from tests.engine.backends.test_vllm import COMPLETIONS, MODELS, always
from tests.support.checkpoints import save_tiny
from tests.support.engines import ROOT, engine_settings, until
from tests.support.remote import fake_server, models

SESSION = Session("a.py", "def area(r):\n    ", "x\n  y", "\n", (300.0, 5.0, 0.0, 0.0, 5.0))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "e"
    folder.mkdir(mode=0o700)
    return folder


async def test_a_session_is_typed_key_by_key() -> None:
    texts = [text async for text, cursor in typed(SESSION)]
    head = SESSION.before
    # The indentation comes with the new line.
    assert texts == [f"{head}{each}\n" for each in ("x", "x\n  ", "x\n  y")]


async def test_a_typing_slip_is_deleted() -> None:
    slipped = Session("a.py", "", "ab", "", (1.0, 1.0), frozenset({1}))
    assert [file async for file in typed(slipped)] == [
        ("a", 1),
        ("aq", 2),
        ("a", 1),
        ("ab", 2),
    ]


def rows_of(rows: list[load.Series]) -> dict[str, tuple[float, ...]]:
    return {row.what: row.values for row in rows}


async def test_several_editors_are_measured_and_leave_nothing(folder: Path) -> None:
    settings = changed(Settings(), {"engine": {"folder": str(folder), "backend": FACTORY}})
    async with EngineClient(settings) as client:
        try:
            rows = rows_of(await load.editors_at_once(settings, [SESSION] * 2, 2, 1.0))
        finally:
            await client.stop_engine()
    assert rows["2 editors: keystrokes"][0] > 0
    assert rows["2 editors: replies"][0] > 0
    assert all(ms > 0 for ms in rows["2 editors: request to reply"])
    assert rows["2 editors: memory of the engine"][0] > 10
    assert {path.suffix for path in folder.iterdir()} <= {".log"}


async def test_a_superseded_request_has_steps_but_no_reply(folder: Path) -> None:
    """The backend never ends a fill, so every request stops the one before."""
    settings = engine_settings(folder)
    forever = Session("forever.py", "", "abc", "", (1.0, 600.0, 600.0))
    async with EngineClient(settings) as client:
        await client.wait_ready()
        typing = Typing()
        typist = Typist(settings, "c", [forever], float("inf"), typing)
        running = asyncio.ensure_future(typist.run())
        await until(lambda: len(typing.outcomes) == 3 and typing.outcomes[1].ms)
        running.cancel()
        await asyncio.wait([running])
        await client.stop_engine()
    first = typing.outcomes[0]
    assert first.reply is None
    assert first.steps > 0


def test_waste_and_savings_are_computed_per_keystroke() -> None:
    reply = FillReply(
        (Fill(("x",), 0.0, 1.0),),
        "m",
        prompt_tokens=100,
        cached_tokens=90,
        timings=Timings(encode_ms=5.0),
    )
    typing = Typing(6, [Outcome(10.0, None, 3), Outcome(20.0, reply, 4)])
    waste = rows_of(load._waste("1 editor", typing, wasted_ms=30.0))
    assert waste["1 editor: denoise steps wasted per keystroke"] == (0.5,)
    assert waste["1 editor: model time wasted per keystroke"] == (5.0,)
    savings = rows_of(load._savings("1 editor", [reply], cold_ms=0.5))
    assert savings["1 editor: prompt tokens from the cache"] == (90.0,)
    assert savings["1 editor: encoding saved by the cache"] == (45.0,)
    answers = rows_of(load._answers("1 editor", typing, took=4.0))
    assert answers["1 editor: requests superseded by the next"] == (50.0,)
    assert answers["1 editor: replies"] == (0.25,)


async def test_a_restart_is_timed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_RESTARTS", 2)
    settings = changed(Settings(), {"engine": {"folder": str(folder), "backend": FACTORY}})
    async with EngineClient(settings) as client:
        try:
            series = await load.restarts(settings)
        finally:
            await client.stop_engine()
    assert len(series.values) == 2
    assert all(ms > 0 for ms in series.values)


async def test_a_fill_that_fails_ends_the_typing_with_its_error(folder: Path) -> None:
    settings = engine_settings(folder)
    refused = Session("refuse.py", "", "ab", "", (1.0, 5000.0))
    async with EngineClient(settings) as client:
        try:
            with pytest.raises(LanguageError, match="nothing was filled"):
                await type_for(settings, [refused], 1, 60.0)
        finally:
            await client.stop_engine()


async def test_the_same_fills_go_through_the_local_backend_and_a_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PLACES", 1)
    tiny = save_tiny(tmp_path / "tiny")
    answer = always("x", HfCodec.from_file(tiny / "tokenizer.json"))
    own = {"engine.folder": str(folder), "model.name": str(tiny), "denoise.canvas": 64}
    with fake_server({MODELS: models(), COMPLETIONS: answer}) as server:
        rows = rows_of(
            await engine._side_by_side(changed(Settings(), own), server.url, lambda what: None)
        )
    for backend in ("local", "vllm"):
        assert rows[f"{backend}: fill after a jump (cold)"][0] > 0
    assert rows["local: fill after a jump (cold): passes"][0] > 0
    assert "vllm: fill after a jump (cold): passes" not in rows
    assert server.bodies(COMPLETIONS)


async def test_more_editors_than_sessions_are_refused() -> None:
    load = engine.Load([2], 1.0, [SESSION])
    with pytest.raises(InputError, match="nothing was measured"):
        await engine.engine(Settings(), load, None, lambda what: None)
