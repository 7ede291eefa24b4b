"""Engine processes in a separate folder, and checks that nothing is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.file_lock import is_held
from dgls.rendezvous.endpoint import Endpoint, endpoint_of

Connect = Callable[[Settings], AbstractAsyncContextManager[EngineClient]]
"""The fixture `connect`: clients whose engines are stopped at the end of the test."""

ROOT = Path(__file__).parent.parent.parent
WAIT_S = 20.0


def engine_settings(folder: Path, backend: str = "scripted", **engine: Any) -> Settings:
    """Settings of an engine in `folder` with a backend of `tests.support.backends`."""
    factory = backend if ":" in backend else f"tests.support.backends:{backend}"
    values = {"folder": str(folder), "backend": factory, "start_seconds": WAIT_S, **engine}
    return changed(Settings(), {"engine": values})


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
    except NotADirectoryError:
        os.kill(pid, 0)
        return True


async def ended(settings: Settings, pid: int) -> Endpoint:
    """The endpoint, once the process and all its files except the log are gone."""
    endpoint = endpoint_of(settings)
    await until(lambda: not is_alive(pid) and not is_held(endpoint.lock))
    left = {path.name for path in endpoint.folder.iterdir()} - {endpoint.log.name, "go"}
    assert left == set()
    return endpoint


async def pid_of(client: EngineClient) -> int:
    """The engine's process, which is started if there is none."""
    await client.wait_ready()
    health = await client.health()
    assert health is not None
    return health.pid


def engines_in(folder: Path) -> set[int]:
    """The engine processes of `folder`."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            is_here = (process / "cwd").readlink() == folder.resolve()
            if is_here and b"dgls.engine.process" in arguments:
                found.add(int(process.name))
    return found
