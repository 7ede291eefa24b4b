"""The machine: processor, memory, GPUs and their driver."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dgls.doctor.findings import Gpu, Machine

_MIB = 2**20
_PATIENCE_S = 1.5
_QUERY = "--query-gpu=name,driver_version,memory.total,memory.free"


def look_at_machine() -> Machine:
    """The machine. Never raises: unknown values stay empty."""
    gpus = _gpus()
    torch = _torch()
    memory, available = _memory()
    return Machine(
        system=f"{platform.system()} {platform.release()} ({platform.machine()})",
        python=platform.python_version(),
        torch=torch,
        cores=os.cpu_count() or 0,
        memory=memory,
        available=available,
        gpus=gpus,
        note=_note(gpus, torch),
    )


def output_of(command: Sequence[str]) -> str:
    """The output of a command; "" if it does not exist, fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _gpus() -> tuple[Gpu, ...]:
    """NVIDIA's GPUs, from the driver's own tool, which needs no CUDA."""
    if shutil.which("nvidia-smi") is None:
        return ()
    lines = output_of(["nvidia-smi", _QUERY, "--format=csv,noheader,nounits"]).splitlines()
    return tuple(gpu for line in lines if (gpu := _gpu(line)) is not None)


def _gpu(line: str) -> Gpu | None:
    try:
        name, driver, total, free = (part.strip() for part in line.split(","))
        return Gpu(name, driver, int(total) * _MIB, int(free) * _MIB)
    except ValueError:
        return None


def _note(gpus: Sequence[Gpu], torch: str) -> str:
    if not torch:
        return "torch is not installed here, so no model can run."
    if gpus and torch.endswith("+cpu"):
        return (
            f"torch {torch} was built without CUDA, so it cannot use the GPU; install a CUDA build."
        )
    if not gpus and platform.system() == "Darwin" and platform.machine() == "arm64":
        return 'dgls uses this GPU only if you set model.device = "mps".'
    if not gpus:
        return "No NVIDIA GPU was found (nvidia-smi names none), so models run on the CPU."
    return ""


def _torch() -> str:
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _memory() -> tuple[int, int]:
    """The machine's memory, and what a program may use of it now, in bytes."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
        return sizes["MemTotal"], sizes["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0, 0
    return total, total
