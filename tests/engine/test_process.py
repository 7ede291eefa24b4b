"""Real engine processes: started once, found by every front-end, killed and replaced."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.errors import (
    CheckpointError,
    EngineError,
    EngineUnavailableError,
    LanguageError,
    SettingError,
    Stopped,
)
from dgls.file_lock import owner
from dgls.protocol import Draft, EngineState, Trigger
from dgls.rendezvous.endpoint import endpoint_of
from tests.support.asked import request
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


async def test_the_first_fill_starts_an_engine_that_leaves_nothing(
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


async def test_front_ends_starting_at_once_share_one_engine(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    async with connect(settings), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(EngineClient(settings)) for _ in range(8)]
        pids = await asyncio.gather(*(pid_of(client) for client in clients))
        assert len(set(pids)) == 1
        assert engines_in(folder) == {pids[0]}


async def test_front_ends_in_separate_processes_share_one_engine(
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


async def test_another_model_gets_another_engine(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    other = engine_settings(folder, "dgls.lab.bench.instant:instant")
    async with connect(settings) as one, connect(other) as two:
        assert await pid_of(one) != await pid_of(two)
        assert (await two.fill(request())).model == "instant"
        assert (await one.fill(request())).model == "scripted"


async def test_loading_progress_is_reported(folder: Path, connect: Connect) -> None:
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


async def test_an_engine_can_be_stopped_while_loading(folder: Path, connect: Connect) -> None:
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
async def test_an_unknown_backend_is_reported(folder: Path, connect: Connect, backend: str) -> None:
    settings = engine_settings(folder, "scripted")
    object.__setattr__(settings.engine, "backend", backend)
    async with connect(settings) as client:
        with pytest.raises(SettingError, match=r"engine\.backend"):
            await client.wait_ready()


async def test_after_three_failed_starts_the_client_gives_up(
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
        # Four fills were lost by one failure: it counts once, and the engine is started again.
        assert client.endpoint.socket.exists()
        assert (await client.fill(request())).best.texts == (f"{SECRET} = ",)
        assert await pid_of(client) != pid


async def test_after_three_crashes_in_a_fill_the_client_gives_up(
    folder: Path, connect: Connect
) -> None:
    async with connect(engine_settings(folder)) as client:
        for _ in range(3):
            with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                await client.fill(request("kill.py"))
        with pytest.raises(EngineUnavailableError, match="3 times within a minute"):
            await client.fill(request())


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


async def test_without_a_usable_unix_socket_a_port_with_a_token_is_used(
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
        # The port may belong to anybody now; it is not asked.
        assert await client.health() is None
        assert await pid_of(client) != pid
        assert await client.stop_engine()
    assert endpoint_of(settings).address() is None


async def test_the_engine_runs_no_module_from_the_working_folder(
    folder: Path, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uvicorn.py").write_text("raise SystemExit('a project was run')")
    monkeypatch.chdir(tmp_path)
    async with connect(engine_settings(folder)) as client:
        assert (await client.fill(request())).model == "scripted"
