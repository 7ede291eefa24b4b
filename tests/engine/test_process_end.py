"""Real engine processes: how they end, and what is left of those that hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.client.launch import launch
from dgls.errors import (
    EngineUnavailableError,
    Stopped,
)
from dgls.file_lock import owner
from dgls.protocol import Draft, Limits
from dgls.rendezvous.endpoint import endpoint_of
from tests.support.asked import request
from tests.support.engines import (
    WAIT_S,
    Connect,
    ended,
    engine_settings,
    is_alive,
    pid_of,
    until,
)


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
        # The same front-end finds the next engine, over a new connection.
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
        # It checks once a second whether it is still wanted.
        assert wakes(pid) - before < 15


async def test_an_engine_ends_when_its_socket_is_deleted(folder: Path, connect: Connect) -> None:
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


async def test_an_unresponsive_engine_is_killed(folder: Path, connect: Connect) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        pid = await pid_of(client)
        os.kill(pid, signal.SIGSTOP)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dgls.client.stop._PATIENCE_S", 0.2)
            assert await client.stop_engine()
        await ended(settings, pid)


async def test_an_engine_suspended_at_its_start_is_reported_and_can_be_stopped(
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


async def test_a_suspended_engine_fills_again_when_resumed(
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
