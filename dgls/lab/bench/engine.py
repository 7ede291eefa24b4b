"""`dgls bench engine`: one engine for many editors, as one table."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dgls.client import EngineClient
from dgls.config import Settings, changed
from dgls.errors import InputError
from dgls.lab.bench.fills import one_line_fills
from dgls.lab.bench.load import editors_at_once, restarts
from dgls.lab.bench.machine import machine
from dgls.lab.bench.overhead import engine_calls, keystrokes_along, server_start
from dgls.lab.bench.series import Page, Series
from dgls.lab.bench.typing.sessions import Session, synthetic_sessions

_CALLS = 500
_PLACES = 20
_SESSIONS = 48
_SEED = 4
_SOURCE = Path(asyncio.__file__).parent
"""The typed text: code that every Python installation has."""


@dataclass(frozen=True, slots=True)
class Load:
    """The numbers of `editors`, each of which types its sessions for `seconds`."""

    editors: Sequence[int]
    seconds: float
    sessions: Sequence[Session]

    def check(self) -> None:
        """Raise `InputError` if there are fewer sessions than editors."""
        most = max(self.editors)
        if len(self.sessions) < most:
            raise InputError(
                f"There are {len(self.sessions)} sessions for {most} editors; nothing was measured."
            )


async def engine(
    settings: Settings, load: Load, vllm: str | None, say: Callable[[str], None]
) -> Page:
    """The report on one engine under load.

    The engine has the settings' backend and model. With the address of a `vllm` server, the same
    fills also go through that server. `say` gets progress messages. Raises `InputError` if there
    are fewer sessions than editors.
    """
    load.check()
    rows: list[Series] = []
    with tempfile.TemporaryDirectory(prefix="dgls-") as name:
        folder = Path(name)
        say("calling an engine whose model answers at once")
        rows += await engine_calls(folder, _CALLS)
        rows += await keystrokes_along(folder, _CALLS)
        rows += (await server_start(folder, 1))[1:]
        here = changed(settings, {"engine.folder": name})
        rows += await _under_load(here, load, say)
        if vllm is not None:
            rows += await _side_by_side(here, vllm, say)
    backend = f"backend {settings.engine.backend}, model {settings.model.name}"
    return Page(f"{machine()}, {backend}", tuple(rows))


def usual_sessions(editors: int) -> tuple[Session, ...]:
    """Default sessions for `editors` editors: functions of Python's asyncio."""
    return synthetic_sessions(_SOURCE, max(_SESSIONS, editors), _SEED)


async def _under_load(settings: Settings, load: Load, say: Callable[[str], None]) -> list[Series]:
    """One engine with each number of editors; at the end it is killed and restarted."""
    rows: list[Series] = []
    try:
        for count in load.editors:
            say(f"typing in {count} editor{'' if count == 1 else 's'}")
            rows += await editors_at_once(settings, load.sessions, count, load.seconds)
        say("killing the engine and starting it again")
        rows.append(await restarts(settings))
    finally:
        async with EngineClient(settings) as client:
            await client.stop_engine()
    return rows


async def _side_by_side(settings: Settings, url: str, say: Callable[[str], None]) -> list[Series]:
    """The same fills through the local backend and through a vLLM server."""
    rows: list[Series] = []
    for backend in ("local", "vllm"):
        say(f"filling through the backend {backend}")
        own = changed(settings, {"engine.backend": backend, "remote.url": url})
        found = await one_line_fills(own, _PLACES)
        rows += [replace(series, what=f"{backend}: {series.what}") for series in found]
    return rows
