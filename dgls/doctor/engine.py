"""The engine's state, running time and memory."""

from __future__ import annotations

import re

from dgls.client import EngineClient
from dgls.config import Settings
from dgls.doctor.findings import EngineFound
from dgls.doctor.machine import output_of
from dgls.file_lock import is_held
from dgls.rendezvous.endpoint import endpoint_of, endpoints
from dgls.rendezvous.runtime_folder import make_private

_ELAPSED = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")
"""[[days-]hours:]minutes:seconds, as printed by ps."""


async def look_at_engine(settings: Settings) -> EngineFound:
    """The engine of these settings; starts nothing."""
    own = endpoint_of(settings)
    make_private(own.folder)
    others = sum(each.name != own.name and is_held(each.lock) for each in endpoints(settings))
    async with EngineClient(settings) as client:
        health = await client.health()
    if health is None:
        return EngineFound("none", others=others)
    uptime, memory = _process(health.pid)
    return EngineFound(
        health.state, health.model, health.message, health.pid, uptime, memory, others
    )


def _process(pid: int) -> tuple[int, int]:
    """The running time in seconds and the resident bytes of a process; zeros if unknown."""
    told = output_of(["ps", "-o", "etime=,rss=", "-p", str(pid)]).split()
    if len(told) != 2 or not told[1].isdecimal():
        return 0, 0
    return seconds_of(told[0]), 1024 * int(told[1])


def seconds_of(elapsed: str) -> int:
    """The seconds of a time printed by ps; 0 for anything else."""
    match = _ELAPSED.fullmatch(elapsed)
    if match is None:
        return 0
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
