"""`dgls/status` reports the state to clients that ask for it, and local counts add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from dgls.counts import Count, Kind, counts_file, read_counts
from dgls.errors import ModelNotFoundError
from dgls.lsp.indicator import Indicator
from dgls.lsp.report import Report, State
from dgls.policy.silence_reasons import Silence
from dgls.protocol import EngineState, Health
from tests.lsp.session import (
    ScriptedFiller,
    Session,
    connected,
    initialize_params,
    reply,
    until,
)

HEALTH = Health(EngineState.READY, 100.0, model="small", device="cpu")


def reports(*steps: Any) -> list[dict[str, Any]]:
    """The notifications sent by some calls of the indicator."""
    sent: list[Report] = []
    indicator = Indicator(sent.append)
    for name, *arguments in steps:
        getattr(indicator, name)(*arguments)
    return [report.to_json() for report in sent]


def test_loading_has_a_percentage_and_ready_a_model() -> None:
    assert reports(("loading", 0.4, "weights"), ("loading", 0.4, "weights"), ("ready", HEALTH)) == [
        {
            "state": "loading",
            "message": "weights",
            "percent": 40,
            "line": "loading, 40 %: weights",
        },
        {"state": "ready", "model": "small", "device": "cpu", "line": "small, cpu"},
    ]


def test_a_fill_brings_the_usual_time_and_a_slow_model_says_why() -> None:
    ready, quick, slow = reports(("ready", HEALTH), ("filled", 123.4), ("filled", 1_850.0))
    assert ready["state"] == "ready"
    assert (quick["state"], quick["p50_ms"]) == ("ready", 120.0)
    assert slow["state"] == "slow"
    assert slow["message"] == "half of the fills take 1800 ms or more on cpu"


def test_off_says_why_and_on_ends_it() -> None:
    off, on = reports(("off", Silence.SNOOZED), ("on",), ("on",))
    assert (off["state"], off["message"]) == ("off", "suggestions are paused")
    assert on["state"] == "ready"


def test_a_failure_says_what_to_do() -> None:
    (failed,) = reports(("failed", ModelNotFoundError("There is none; get one.")))
    assert (failed["state"], failed["message"]) == (State.FAILED, "There is none; get one.")


QWEN = Report(State.READY, model="qwen2.5-coder-0.5b-instruct", device="cpu", cores=2, p50_ms=160)
OFF = Report(State.OFF, Silence.SNOOZED.value, remedy=Silence.SNOOZED.remedy)


@pytest.mark.parametrize(
    ("report", "line"),
    [
        (QWEN, "Qwen2.5-Coder 0.5B, 2 cores, usually 160 ms"),
        (
            replace(QWEN, quiet="comment"),
            "Qwen2.5-Coder 0.5B, 2 cores, usually 160 ms; quiet here: comment",
        ),
        (replace(QWEN, cores=1, p50_ms=None), "Qwen2.5-Coder 0.5B, 1 core"),
        (
            Report(State.READY, model="google/diffusiongemma-26B-A4B-it", device="cuda:0"),
            "Diffusiongemma-A4B 26B, cuda:0",
        ),
        (
            Report(State.READY, model="dgls-embedded", device="cpu", cores=2),
            "dgls-embedded, 2 cores",
        ),
        (Report(State.READY), "ready"),
        (
            replace(QWEN, state=State.SLOW, p50_ms=1_800),
            "Qwen2.5-Coder 0.5B, 2 cores, usually 1.8 s, slow here (see dgls doctor)",
        ),
        (OFF, "off here: suggestions are paused (dgls.resume ends the pause)"),
        (Report(State.FAILED, "There is none; get one."), "failed: There is none; get one."),
    ],
)
def test_the_line_has_model_speed_and_reason_for_silence(report: Report, line: str) -> None:
    assert report.line == line
    assert report.to_json()["line"] == line


def test_quiet_holds_until_something_is_suggested() -> None:
    *_, quiet, filled, shown = reports(
        ("ready", HEALTH), ("quiet", Silence.UNSURE), ("filled", 120.0), ("quiet", None)
    )
    assert quiet["quiet"] == filled["quiet"] == Silence.UNSURE.value
    assert "quiet" not in shown


def test_quiet_does_not_replace_off() -> None:
    assert [each["state"] for each in reports(("off", Silence.OFF), ("quiet", None))] == ["off"]


async def test_the_status_says_why_nothing_is_suggested_at_the_cursor(
    filler: ScriptedFiller,
) -> None:
    filler.answer = lambda request: reply("1", confidence=0.1)
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params(status=True))
        await session.complete("x = ⟦⟧\n")
        assert session.server.indicator.report.quiet == Silence.UNSURE.value
        assert "quiet here: the model is not sure" in session.server.indicator.report.line


async def test_fills_that_never_finish_in_time_are_reported_as_slow(
    filler: ScriptedFiller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgls.lsp.fills._BROKEN_OFF_MS", 0.0)
    monkeypatch.setattr("dgls.lsp.indicator.SLOW_MS", 0.0)
    filler.hold()
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params(status=True))
        await session.open("x = \n")
        asked = session.ask(0, 4, msg_id="to-cancel")
        await filler.arrived.wait()
        session.client.cancel_request(types.CancelParams(id="to-cancel"))
        await until(lambda: session.server.indicator.report.state is State.SLOW)
        asked.cancel()


def test_a_cancelled_fill_changes_nothing_while_the_model_loads() -> None:
    assert len(reports(("loading", 0.4, "weights"), ("broken_off", 3_000.0))) == 1


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_status_is_sent_on_request(filler: ScriptedFiller, wanted: bool) -> None:
    sent: list[Any] = []
    filler.steps = ((0.5, "reading"),)
    async with connected(filler) as session:
        session.client.feature("dgls/status")(lambda params: sent.append(params))
        params = initialize_params(status=wanted, options={"show": {"languages_off": ["x"]}})
        await session.client.initialize_session(params)
        await session.open("x = 1\n")
        await until(lambda: session.server.indicator.report.state is State.READY)
        await session.ask(0, 5)

    states = [params.state for params in sent]
    assert states[:2] == (["loading", "ready"] if wanted else [])
    # A client that shows the status would show the model's loading twice.
    assert len(session.client.progress_reports) == (0 if wanted else 1)


async def test_a_pause_and_its_end_are_reported_at_once(filler: ScriptedFiller) -> None:
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params(status=True))
        await session.open("x = 1\n")
        indicator = session.server.indicator
        await until(lambda: indicator.report.state is State.READY)

        await command(session, "dgls.snooze", 10)
        assert indicator.report.message == "suggestions are paused"
        assert indicator.report.state is State.OFF
        await command(session, "dgls.resume")
        assert indicator.report.state is State.READY


async def command(session: Session, name: str, *arguments: Any) -> None:
    """Run a command of the server."""
    params = types.ExecuteCommandParams(command=name, arguments=list(arguments))
    await session.client.workspace_execute_command_async(params)


async def test_a_document_without_suggestions_is_reported_when_opened(
    filler: ScriptedFiller,
) -> None:
    async with connected(filler) as session:
        await session.client.initialize_session(
            initialize_params(options={"show": {"languages_off": ["python"]}})
        )
        await session.open("x = 1\n")
        await until(lambda: session.server.indicator.report.state is State.OFF)

    assert not filler.requests


async def test_accepted_and_kept_suggestions_are_counted_in_the_users_file(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    filler.answer = lambda request: reply("side * side")
    async with connected(filler) as session:
        await session.client.initialize_session(initialize_params())
        session.server.counts.kept_after_s = 1.0
        await session.open("x = \ny = \n")
        await session.ask(0, 4)
        await session.changed(0, 4, "side * side")
        await session.ask(1, 4)
        await session.changed(1, 4, "side * side")
        await session.changed(1, 4, "", end_column=8)
        counts = session.server.counts
        await until(lambda: whole(counts.new).kept == 1)
        await session.client.shutdown_async(None)
        session.client.exit(None)
        await until(session.server.stopped.is_set)

    counted = read_counts(counts_file())
    assert {kind.language for kind in counted} == {"python"}
    assert whole(counted) == Count(shown=2, accepted=2, kept=1)


def whole(counted: Mapping[Kind, Count]) -> Count:
    """The sum over all kinds."""
    return reduce(Count.plus, counted.values(), Count())


async def test_counting_can_be_switched_off(
    filler: ScriptedFiller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    filler.answer = lambda request: reply("1")
    async with connected(filler) as session:
        options = {"privacy": {"counts": False}}
        await session.client.initialize_session(initialize_params(options=options))
        await session.complete("x = ⟦⟧\n")

    assert not counts_file().exists()
