"""Real engine processes: started once, found by everybody, killed, replaced, and gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.client.launch import launch
from dgls.errors import (
    CheckpointError,
    EngineError,
    EngineUnavailableError,
    LanguageError,
    SettingError,
    Stopped,
)
from dgls.file_lock import owner
from dgls.protocol import Draft, EngineState, FillRequest, Limits, Trigger
from dgls.rendezvous.endpoint import endpoint_of
from tests.support.backends import SECRET
from tests.support.engines import (
    WAIT_S,
    Connect,
    ended,
    engine_settings,
    engines_in,
    is_alive,
    pid_of,
    until,
)


def request(path: str = "a.py", trigger: Trigger = Trigger.EXPLICIT) -> FillRequest:
    return FillRequest((f"{SECRET} = ", ""), path=path, trigger=trigger, client="c", method="m")


async def test_the_first_fill_starts_the_engine_and_nothing_is_left_of_it(
    folder: Path, connect: Connect
) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        assert await client.health() is None
        reply = await client.fill(request())
        assert reply.best.texts == (f"{SECRET} = ",)
        pid = await pid_of(client)
        assert pid != os.getpid()
        assert owner(client.endpoint.lock) == pid
        assert await client.stop_engine()
        assert not await client.stop_engine()
        await ended(settings, pid)


async def test_only_the_user_can_open_the_socket(folder: Path, connect: Connect) -> None:
    inner = folder / "made"
    async with connect(engine_settings(inner)) as client:
        await client.wait_ready()
        modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in inner.iterdir()}
        assert modes == {".sock": 0o600, ".lock": 0o600, ".log": 0o600}
        assert stat.S_IMODE(inner.stat().st_mode) == 0o700


async def test_front_ends_that_start_at_the_same_moment_end_up_with_one_engine(
    folder: Path, connect: Connect
) -> None:
    settings = engine_settings(folder)
    async with connect(settings), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(EngineClient(settings)) for _ in range(8)]
        pids = await asyncio.gather(*(pid_of(client) for client in clients))
        assert len(set(pids)) == 1
        assert engines_in(folder) == {pids[0]}


async def test_front_ends_in_processes_of_their_own_end_up_with_one_engine(
    folder: Path, connect: Connect
) -> None:
    settings = engine_settings(folder)
    code = (
        "import asyncio, json, sys; from dgls.client import EngineClient\n"
        "from dgls.config import Settings, changed\n"
        "async def main():\n"
        "    client = EngineClient(changed(Settings(), json.loads(sys.argv[1])))\n"
        "    await client.wait_ready()\n"
        "    print((await client.health()).pid)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, json.dumps(settings.flat())]
    async with connect(settings):
        racers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
        outputs = [racer.communicate(timeout=WAIT_S)[0] for racer in racers]
        pids = {int(output) for output in outputs}
        assert len(pids) == 1
        assert engines_in(folder) == pids


async def test_another_model_is_another_engine(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    other = engine_settings(folder, "dgls.lab.bench.instant:instant")
    async with connect(settings) as one, connect(other) as two:
        assert await pid_of(one) != await pid_of(two)
        assert (await two.fill(request())).model == "instant"
        assert (await one.fill(request())).model == "scripted"


async def test_loading_is_shown_while_it_goes_on(folder: Path, connect: Connect) -> None:
    seen: list[tuple[float, str]] = []

    def on_progress(share: float, what: str) -> None:
        seen.append((share, what))
        if share == 0.5:
            (folder / "go").touch()

    async with connect(engine_settings(folder, "slow_to_load")) as client:
        await client.wait_ready(on_progress)
        health = await client.health()
        assert health is not None
        assert (health.state, health.percent) == (EngineState.READY, 100.0)
    assert (0.5, "half of it") in seen


async def test_an_engine_that_loads_can_be_stopped(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder, "slow_to_load")
    async with connect(settings) as client:
        loading = asyncio.ensure_future(client.wait_ready())
        await until(lambda: owner(client.endpoint.lock) is not None)
        pid = owner(client.endpoint.lock)
        assert pid is not None
        await until(client.endpoint.socket.exists)
        loading.cancel()
        assert await client.stop_engine()
        await ended(settings, pid)


async def test_a_model_that_cannot_be_loaded_says_why(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder, "broken")
    async with connect(settings) as client:
        for _ in range(2):
            with pytest.raises(CheckpointError, match="half a checkpoint"):
                await client.fill(request())


@pytest.mark.parametrize("backend", ["no.such.module:at_all", "json:nothing", "json"])
async def test_a_backend_that_is_none_says_so(folder: Path, connect: Connect, backend: str) -> None:
    settings = engine_settings(folder, "scripted")
    object.__setattr__(settings.engine, "backend", backend)
    async with connect(settings) as client:
        with pytest.raises(SettingError, match=r"engine\.backend"):
            await client.wait_ready()


async def test_an_engine_that_dies_at_its_start_is_given_up_after_three_times(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder, "dying")) as client:
        for _ in range(3):
            with pytest.raises(EngineUnavailableError, match=r"ended at its start \(out of luck\)"):
                await client.wait_ready()
        with pytest.raises(EngineUnavailableError, match=r"3 times within a minute.*out of luck"):
            await client.fill(request())
        assert engines_in(folder) == set()


async def test_a_killed_engine_is_one_clean_error_and_the_next_request_restarts_it(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder)) as client:
        pid = await pid_of(client)
        drafts: list[Draft] = []
        fills = [asyncio.ensure_future(client.fill(request("forever.py"), drafts.append))]
        await until(lambda: drafts)
        fills += [asyncio.ensure_future(client.fill(request(f"{n}.py"))) for n in range(3)]
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        for fill in fills:
            with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                await fill
        # Four fills were lost by one failure: it counts once, and the engine comes back.
        assert client.endpoint.socket.exists()
        assert (await client.fill(request())).best.texts == (f"{SECRET} = ",)
        assert await pid_of(client) != pid


async def test_a_fill_that_kills_the_engine_is_given_up_after_three_times(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder)) as client:
        for _ in range(3):
            with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                await client.fill(request("kill.py"))
        with pytest.raises(EngineUnavailableError, match="3 times within a minute"):
            await client.fill(request())


async def test_a_stale_socket_is_replaced(folder: Path, connect: Connect) -> None:
    async with connect(engine_settings(folder)) as client:
        pid = await pid_of(client)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_alive(pid))
        assert client.endpoint.socket.exists()
        async with EngineClient(engine_settings(folder)) as newcomer:
            assert await newcomer.health() is None
            assert await pid_of(newcomer) != pid


async def test_an_idle_engine_ends_and_leaves_nothing(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder, idle_seconds=0.05)
    async with connect(settings) as client:
        await client.fill(request())
        pid = owner(client.endpoint.lock)
        assert pid is not None
        endpoint = await ended(settings, pid)
        assert not endpoint.log.exists()
        # The same front-end finds the next one, over no connection of the last.
        assert (await client.fill(request())).model == "scripted"


async def test_an_idle_engine_sleeps(folder: Path, connect: Connect) -> None:
    def wakes(pid: int) -> int:
        status = Path(f"/proc/{pid}/status")
        if not status.exists():
            pytest.skip("nothing tells how often a process woke")
        return int(status.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])

    async with connect(engine_settings(folder)) as client:
        await client.fill(request())
        pid = await pid_of(client)
        before = wakes(pid)
        await asyncio.sleep(3)
        # It looks once a second whether it is still wanted.
        assert wakes(pid) - before < 15


async def test_an_engine_whose_socket_is_taken_away_ends(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        pid = await pid_of(client)
        client.endpoint.socket.unlink()
        await ended(settings, pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_the_engine_cleanly(
    folder: Path, connect: Connect, number: signal.Signals
) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        pid = await pid_of(client)
        drafts: list[Draft] = []
        fill = asyncio.ensure_future(client.fill(request("forever.py"), drafts.append))
        await until(lambda: drafts)
        os.kill(pid, number)
        with pytest.raises(Stopped):
            await fill
        await ended(settings, pid)


async def test_cancelling_a_fill_frees_the_model(folder: Path, connect: Connect) -> None:
    async with connect(engine_settings(folder)) as client:
        drafts: list[Draft] = []
        fill = asyncio.ensure_future(client.fill(request("forever.py"), drafts.append))
        await until(lambda: drafts)
        fill.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fill
        async with asyncio.timeout(WAIT_S):
            assert (await client.fill(request())).steps == 2


async def test_a_newer_automatic_request_supersedes_the_older(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder)) as client:
        drafts: list[Draft] = []
        automatic = request("forever.py", Trigger.AUTOMATIC)
        older = asyncio.ensure_future(client.fill(automatic, drafts.append))
        await until(lambda: drafts)
        newer = asyncio.ensure_future(client.fill(automatic))
        with pytest.raises(Stopped, match="superseded"):
            await older
        newer.cancel()


async def test_errors_of_the_engine_keep_their_class_and_no_log_holds_the_prompt(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder)) as client:
        with pytest.raises(LanguageError, match="No grammar"):
            await client.fill(request("refuse.py"))
        with pytest.raises(EngineError, match="ValueError"):
            await client.fill(request("bug.py"))
        log = client.endpoint.log.read_text()
        assert "backends.py" in log
        assert log.endswith("ValueError\n")
        assert SECRET not in log


async def test_where_no_unix_socket_fits_a_port_with_a_token_is_used(
    folder: Path, connect: Connect
) -> None:
    deep = folder / ("d" * 100)
    deep.mkdir(mode=0o700)
    settings = engine_settings(deep)
    async with connect(settings) as client:
        drafts: list[Draft] = []
        await client.fill(request(), drafts.append)
        assert len(drafts) == 2
        pid = await pid_of(client)
        assert not client.endpoint.socket.exists()
        assert stat.S_IMODE(client.endpoint.port.stat().st_mode) == 0o600
        assert len(json.loads(client.endpoint.port.read_text())["token"]) > 20
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not is_alive(pid))
        # The port may be anybody's now; it is not asked.
        assert await client.health() is None
        assert await pid_of(client) != pid
        assert await client.stop_engine()
    assert endpoint_of(settings).address() is None


async def test_an_engine_that_does_not_listen_is_killed(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        pid = await pid_of(client)
        os.kill(pid, signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dgls.client.stop._PATIENCE_S", 0.2)
            assert await client.stop_engine()
        await ended(settings, pid)


async def test_an_engine_that_was_suspended_at_its_start_is_told_of_and_can_be_stopped(
    folder: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgls.client.client._HEALTH_S", 0.2)
    monkeypatch.setattr("dgls.client.stop._PATIENCE_S", 0.2)
    settings = engine_settings(folder, "slow_to_load", start_seconds=1.0)
    launched = launch(endpoint_of(settings), settings)
    assert launched is not None
    os.kill(launched.pid, signal.SIGSTOP)
    async with connect(settings) as client, connect(settings) as other:
        for each in (client, other):
            with pytest.raises(EngineUnavailableError, match="dgls serve --stop"):
                await each.wait_ready()
        assert await client.stop_engine()
    await ended(settings, launched.pid)


async def test_an_engine_that_was_suspended_fills_again_when_it_goes_on(
    folder: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dgls.client.client.GRACE_S", 0.2)
    monkeypatch.setattr("dgls.client.client._HEALTH_S", 0.2)
    async with connect(engine_settings(folder, start_seconds=0.5)) as client:
        async with asyncio.timeout(WAIT_S):
            while await client.health() is None:
                with contextlib.suppress(EngineUnavailableError):
                    await client.wait_ready()
        pid = await pid_of(client)
        for _ in range(2):
            os.kill(pid, signal.SIGSTOP)
            for _ in range(2):
                with pytest.raises(EngineUnavailableError, match="does not answer"):
                    await client.fill(replace(request(), limits=Limits(deadline_ms=50.0)))
            os.kill(pid, signal.SIGCONT)
            assert (await client.fill(request())).model == "scripted"
        assert await pid_of(client) == pid


async def test_the_engine_runs_no_module_of_the_working_folder(
    folder: Path, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvicorn.py").write_text("raise SystemExit('a project was run')")
    monkeypatch.chdir(tmp_path)
    async with connect(engine_settings(folder)) as client:
        assert (await client.fill(request())).model == "scripted"


def test_serve_in_a_terminal_tells_where_it_is_and_ends_on_ctrl_c(folder: Path) -> None:
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
    assert page.startswith("In a browser: http://127.0.0.1:")
    assert ready == "Ready: scripted\n"
    assert second.returncode == EngineUnavailableError.exit_status
    assert "runs already" in second.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0", "--port", "1"], "docs/team.md"),
        (["--host", "192.168.0.1", "--port", "1"], "on this machine alone"),
        (["--host", "::1"], "--host with --port"),
        (["--all"], "--all goes with --stop"),
    ],
)
def test_wrong_calls_of_serve_start_nothing(
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
