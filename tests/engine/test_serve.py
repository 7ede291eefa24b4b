"""`dgls serve` in a terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.errors import (
    EngineUnavailableError,
    SettingError,
)
from tests.support.engines import (
    WAIT_S,
    Connect,
    engine_settings,
    engines_in,
    pid_of,
    until,
)


def test_serve_prints_its_address_and_ends_on_ctrl_c(folder: Path) -> None:
    environment = {
        **os.environ,
        "DGLS_ENGINE_FOLDER": str(folder),
        "DGLS_ENGINE_BACKEND": "tests.support.backends:scripted",
    }
    command = [sys.executable, "-c", "from dgls.cli.main import main; main()", "serve"]
    with subprocess.Popen(
        [*command, "--port", "0"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        where, page, ready = (process.stderr.readline() for _ in range(3))
        second = subprocess.run(command, env=environment, capture_output=True, text=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0
        assert "Traceback" not in process.stderr.read()
    assert str(folder) in where
    assert "http://127.0.0.1:" in where
    assert page.startswith("In a browser, open http://127.0.0.1:")
    assert ready == "Ready: scripted\n"
    assert second.returncode == EngineUnavailableError.exit_status
    assert "is already running" in second.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0", "--port", "1"], "docs/team.md"),
        (["--host", "192.168.0.1", "--port", "1"], "only on this machine"),
        (["--host", "::1"], "--host needs --port"),
        (["--all"], "--all needs --stop"),
    ],
)
def test_wrong_arguments_of_serve_start_nothing(
    folder: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from dgls.cli.app import run_app

    monkeypatch.setenv("DGLS_ENGINE_FOLDER", str(folder))
    assert run_app(["serve", *arguments]) == SettingError.exit_status
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []


async def test_serve_stop_stops_one_engine_or_all(
    folder: Path,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from dgls.cli.app import run_app

    monkeypatch.setenv("DGLS_ENGINE_FOLDER", str(folder))
    monkeypatch.setenv("DGLS_ENGINE_BACKEND", "tests.support.backends:scripted")
    settings = engine_settings(folder)
    other = engine_settings(folder, "dgls.lab.bench.instant:instant")
    async with connect(settings) as one, connect(other) as two:
        pids = [await pid_of(one), await pid_of(two)]
        for arguments, said, left in (
            (["--stop"], "Stopped 1 engine.", {pids[1]}),
            (["--stop"], "Stopped 0 engines.", {pids[1]}),
            (["--stop", "--all"], "Stopped 1 engine.", set()),
        ):
            assert await asyncio.to_thread(run_app, ["serve", *arguments]) == 0
            assert said in capsys.readouterr().out
            await until(lambda left=left: engines_in(folder) == left)
