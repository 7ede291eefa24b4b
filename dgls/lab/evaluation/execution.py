"""Runs a case's tests in a child process with limits: pass@1.

This only runs with `--execute`. `sandbox_child.py` tells what the limits cover and what not.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_CHILD = Path(__file__).with_name("sandbox_child.py")
_STARTUP_SECONDS = 1.0
_KILLED = frozenset(
    -getattr(signal, name) for name in ("SIGXCPU", "SIGKILL") if hasattr(signal, name)
)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits of one program: wall-clock seconds, bytes of memory, bytes of a file."""

    seconds: float = 3.0
    memory: int = 512 * 1024 * 1024
    file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a program: `outcome` is "passed", "timeout", "died" or an exception's name."""

    outcome: str

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and no test failed."""
        return self.outcome == "passed"


def run_program(program: str, limits: RunLimits | None = None) -> Verdict:
    """Run `program` to its end or to a limit. It gets no input, arguments or environment."""
    limits = limits or RunLimits()
    mark = secrets.token_hex(16)
    header = json.dumps({"mark": mark, **asdict(limits)})
    with tempfile.TemporaryDirectory(prefix="dgls-eval-") as folder:
        child = _start(folder)
        try:
            # The limit includes reading the program, so one whose text never ends cannot start.
            _, errors = child.communicate(
                f"{header}\n{program}".encode(errors="surrogatepass"),
                timeout=limits.seconds + _STARTUP_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return Verdict("timeout")
        finally:
            _end(child)
    if child.returncode in _KILLED:
        return Verdict("timeout")
    return _verdict(errors.decode(errors="replace"), mark)


def _start(folder: str) -> subprocess.Popen[bytes]:
    """The child in its own session, so that its own children end with it."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": folder, "TMPDIR": folder, "PYTHONHASHSEED": "0"},
        start_new_session=True,
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole session, close its pipes and wait for its exit."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with suppress(OSError, ValueError):
        child.communicate()


def _verdict(errors: str, mark: str) -> Verdict:
    for line in reversed(errors.splitlines()):
        if line.startswith(mark):
            return Verdict(line[len(mark) :].strip())
    return Verdict("died")
