"""The machine and the date of a measurement."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dgls import __version__


def machine() -> str:
    """Processor, cores, load, versions and date, in one line."""
    parts = [
        _processor(),
        f"{_cores()} cores" + _load(),
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"torch {_version('torch')}",
        f"dgls {__version__}",
        datetime.date.today().isoformat(),
    ]
    return ", ".join(parts)


def resident_mb(pid: int) -> float:
    """The process's private memory in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
    done = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """The processor time in seconds that a process has used so far, over all threads."""
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        # After the name in brackets, which may contain spaces: fields 14 and 15 of proc(5).
        user, system = status.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    done = subprocess.run(
        ["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return clock_seconds(done.stdout.strip())


def clock_seconds(clock: str) -> float:
    """`[days-]hours:minutes:seconds`, as ps prints it, in seconds."""
    days, _, rest = clock.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part)
    return total + 86_400 * int(days or 0)


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> str:
    """The load of the machine: figures from a busy one are worse."""
    return f" (load {os.getloadavg()[0]:.1f})" if hasattr(os, "getloadavg") else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
