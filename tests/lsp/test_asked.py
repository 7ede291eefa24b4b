"""A fill that the user asked for is shown as under way, if it takes more than a moment."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types

from dgls.lsp.report import State
from tests.lsp.session import ScriptedFiller, Session, connected, initialize_params, reply, until


async def ready(session: Session, text: str) -> list[Any]:
    """The status reports from the time at which the model is loaded and the text is open."""
    sent: list[Any] = []
    session.client.feature("dgls/status")(lambda params: sent.append(params))
    await session.client.initialize_session(initialize_params(status=True))
    await session.open(text)
    await until(lambda: any(params.state == "ready" for params in sent))
    sent.clear()
    return sent


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgls.lsp.asked.SHOWN_AFTER_S", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_status_says_filling_until_the_answer(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1")
    filler.hold()
    async with connected(filler) as session:
        sent = await ready(session, "x = \n")
        answer = session.ask(0, 4, invoked=True)
        await until(lambda: [params.doing for params in sent if hasattr(params, "doing")] != [])
        assert sent[-1].line == "filling now; scripted, cpu"
        filler.go.set()
        assert (await answer)[0].insert_text == "1"
        await until(lambda: not hasattr(sent[-1], "doing"))


@pytest.mark.usefixtures("at_once")
async def test_cancelled_request_is_no_longer_filling(filler: ScriptedFiller) -> None:
    filler.hold()
    async with connected(filler) as session:
        await ready(session, "x = \n")
        indicator = session.server.indicator
        asked = session.ask(0, 4, invoked=True, msg_id="to-cancel")
        await until(lambda: indicator.report.doing == "filling")
        session.client.cancel_request(types.CancelParams(id="to-cancel"))
        await until(lambda: indicator.report.doing == "")
        assert indicator.report.state is State.READY
        asked.cancel()


@pytest.mark.usefixtures("at_once")
async def test_automatic_fill_is_not_shown(filler: ScriptedFiller) -> None:
    filler.hold()
    async with connected(filler) as session:
        sent = await ready(session, "x = \n")
        asked = session.ask(0, 4)
        await filler.arrived.wait()
        assert not [params for params in sent if hasattr(params, "doing")]
        asked.cancel()


async def test_quick_fill_is_not_shown(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1")
    async with connected(filler) as session:
        sent = await ready(session, "x = \n")
        await session.ask(0, 4, invoked=True)
        assert not [params for params in sent if hasattr(params, "doing")]


@pytest.mark.usefixtures("at_once")
async def test_client_without_the_status_gets_standard_progress(filler: ScriptedFiller) -> None:
    filler.answer = lambda request: reply("1")
    filler.hold()
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        await session.open("x = \n")
        answer = session.ask(0, 4, invoked=True)
        reports = session.client.progress_reports
        await until(lambda: len(reports) == 1)
        filler.go.set()
        await answer
        (steps,) = reports.values()
        await until(lambda: len(steps) == 2)
        assert steps[0].title == "dgls: filling"
        assert isinstance(steps[1], types.WorkDoneProgressEnd)
