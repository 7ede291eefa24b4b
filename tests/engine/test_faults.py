"""Faults that an engine must survive, on real processes: broken clients, and a full disk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from dgls.client import EngineClient
from dgls.config import Settings
from dgls.errors import EngineUnavailableError
from dgls.files import write_private
from dgls.lab.bench.machine import resident_mb
from dgls.protocol import FillRequest
from tests.support.engines import (
    ROOT,
    WAIT_S,
    Connect,
    ended,
    engine_settings,
    engines_in,
    is_alive,
    pid_of,
    until,
)

MEGABYTE = b"x" * 1_000_000
REQUEST = FillRequest(("x = ", ""), path="a.py")


async def answer_of(client: EngineClient, pieces: Iterable[bytes]) -> bytes:
    """The head of the engine's answer to `pieces`; empty if it hangs up without one."""
    reader, writer = await asyncio.open_unix_connection(str(client.endpoint.socket))
    answer = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
    try:
        async with asyncio.timeout(WAIT_S):
            # A client that is refused before all was sent may find the connection closed.
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            return await answer
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""
    finally:
        answer.cancel()
        writer.close()


@pytest.mark.parametrize("path", ["/v1/fill", "/infill"])
@pytest.mark.parametrize("length", [b"content-length: 100000000", b"transfer-encoding: chunked"])
async def test_a_hundred_megabytes_are_refused_and_freed(
    folder: Path, connect: Connect, path: str, length: bytes
) -> None:
    async with connect(engine_settings(folder)) as client:
        pid = await pid_of(client)
        before = resident_mb(pid)
        head = b"POST %s HTTP/1.1\r\nhost: x\r\n%s\r\n\r\n" % (path.encode(), length)
        chunk = b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE)
        piece = chunk if b"chunked" in length else MEGABYTE
        answer = await answer_of(client, [head, *[piece] * 100, b"0\r\n\r\n"])
        assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
        assert (await client.fill(REQUEST)).model == "scripted"
        assert resident_mb(pid) - before < 30


HALVES = [
    pytest.param(b"P", id="a letter"),
    pytest.param(b"POST /v1/fill HTTP/1.1\r\nhost: x\r\nconte", id="half a head"),
    pytest.param(b"POST /infill HTTP/1.1\r\ncontent-length: 9\r\n\r\n{", id="half a body"),
]


@pytest.mark.parametrize("half", HALVES)
async def test_half_a_request_disturbs_no_other_and_does_not_keep_the_engine_alive(
    folder: Path, connect: Connect, half: bytes
) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client, contextlib.AsyncExitStack() as stack:
        pid = await pid_of(client)
        for _ in range(20):
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(str(client.endpoint.socket))
            connection.sendall(half)
        assert (await client.fill(REQUEST)).model == "scripted"
        assert await client.stop_engine()
        await ended(settings, pid)


@pytest.mark.parametrize("seed", range(3))
async def test_garbage_does_not_disturb_other_clients(
    folder: Path, connect: Connect, seed: int
) -> None:
    garbage = random.Random(seed).randbytes(100_000)
    async with connect(engine_settings(folder)) as client:
        pid = await pid_of(client)
        answer = await answer_of(client, [garbage, b"\r\n\r\n"])
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert (await client.fill(REQUEST)).model == "scripted"
        assert await pid_of(client) == pid


ASK = """
import asyncio, json, resource, sys
from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.protocol import FillRequest
async def main():
    async with EngineClient(changed(Settings(), json.loads(sys.argv[1]))) as client:
        print((await client.fill(FillRequest(("x = ", ""), path=sys.argv[2]))).model)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
asyncio.run(main())
"""
"""A front-end whose files, and whose engine's files, cannot grow, as on a full disk."""


def ask(settings: Settings, path: str = "a.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK, json.dumps(settings.flat()), path]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S)


async def test_a_lock_and_log_on_a_full_disk_do_not_stop_fills(
    folder: Path, connect: Connect
) -> None:
    settings = engine_settings(folder)
    async with connect(settings) as client:
        assert (await asyncio.to_thread(ask, settings, "bug.py")).returncode == 1
        done = await asyncio.to_thread(ask, settings)
        assert (done.stdout, done.stderr) == ("scripted\n", "")
        # The lock is held although its holder could not be written.
        assert client.endpoint.lock.read_text() == ""
        assert len(engines_in(folder)) == 1
        [pid] = engines_in(folder)
        assert await client.stop_engine()
        await ended(settings, pid)


async def test_a_port_file_on_a_full_disk_is_one_clear_error(folder: Path) -> None:
    deep = folder / ("d" * 100)
    settings = engine_settings(deep)
    done = await asyncio.to_thread(ask, settings)
    # The reason would be in its log, which has no room either.
    assert "EngineUnavailableError: The engine failed: it ended at its start" in done.stderr
    await until(lambda: engines_in(deep) == set())
    assert {path.suffix for path in deep.iterdir()} <= {".log"}


def test_no_partial_port_file_is_left(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_private(tmp_path / "p", "text")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a separate disk with room for three files: lock, log and socket."""
    disk = tmp_path / "d"
    disk.mkdir()
    options = "size=64k,nr_inodes=4,mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield disk
    finally:
        # Lazily, because an engine that released its lock may still exist for a moment.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("files", [0, 1, 2])
async def test_a_full_disk_is_one_clear_error_until_there_is_space(
    small_disk: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    others = [small_disk / str(number) for number in range(3 - files)]
    for path in others:
        path.touch()
    async with connect(engine_settings(small_disk)) as client:
        with pytest.raises(EngineUnavailableError, match="No space left on device"):
            await client.fill(REQUEST)
        await until(lambda: engines_in(small_disk) == set())
        for path in others:
            path.unlink()
        assert (await client.fill(REQUEST)).model == "scripted"


async def test_a_killed_engine_leaves_no_process(folder: Path, connect: Connect) -> None:
    async with connect(engine_settings(folder)) as client:
        pids = []
        for _ in range(3):
            pids.append(await pid_of(client))
            with pytest.raises(EngineUnavailableError, match="middle of a fill"):
                await client.fill(FillRequest(("", ""), path="kill.py"))
        with pytest.raises(EngineUnavailableError, match=r"3 times.*middle of a fill.*for \d+ s"):
            await client.fill(REQUEST)
        await until(lambda: not any(map(is_alive, pids)))
        assert engines_in(folder) == set()
        assert len(set(pids)) == 3
