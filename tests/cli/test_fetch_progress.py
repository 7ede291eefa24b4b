"""The progress of a fetch, on a terminal and in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dgls.cli import fetch_progress
from dgls.cli.fetch_progress import Bar, Lines


def test_a_terminal_sees_amount_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    bar = Bar(Console(file=shown, force_terminal=True, highlight=False, width=120))
    bar.begin("fetching", 400_000_000, 100_000_000)
    bar.at(150_000_000)
    bar.at(200_000_000)
    bar.say("a [line] of its own")
    bar.end()
    assert "fetching" in shown.getvalue()
    assert "200.0/400.0 MB" in shown.getvalue()
    assert "/s" in shown.getvalue()
    assert "a [line] of its own" in shown.getvalue()


def test_a_log_gets_a_line_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr(fetch_progress.time, "monotonic", lambda: now)
    lines = Lines()
    lines.begin("fetching", 400_000_000, 100_000_000)
    for second in range(1, 11):
        now = 100.0 + second
        lines.at(100_000_000 + second * 20_000_000)
    lines.end()
    assert capsys.readouterr().err.splitlines() == [
        "fetching: 200 of 400 MB, 20.0 MB/s, 10 s left",
        "fetching: 300 of 400 MB, 20.0 MB/s, 5 s left",
    ]


def test_no_time_left_is_shown_before_the_first_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr(fetch_progress.time, "monotonic", lambda: now)
    lines = Lines()
    lines.begin("fetching", 400_000_000)
    now = 106.0
    lines.at(9)
    assert capsys.readouterr().err == "fetching: 0 of 400 MB\n"


def test_quick_steps_leave_no_line_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.begin("checking", 10)
    lines.at(10)
    lines.end()
    assert capsys.readouterr().err == ""


def test_a_conversion_shows_percent_without_a_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = io.StringIO()
    bar = Bar(Console(file=shown, force_terminal=True, highlight=False, width=120))
    bar.begin_percent("converting")
    bar.at(80)
    bar.end()
    assert "80%" in shown.getvalue()
    assert "MB" not in shown.getvalue()
    assert "/s" not in shown.getvalue()

    now = 100.0
    monkeypatch.setattr(fetch_progress.time, "monotonic", lambda: now)
    lines = Lines()
    lines.begin_percent("converting")
    now = 106.0
    lines.at(80)
    assert capsys.readouterr().err == "converting: 80 %\n"
