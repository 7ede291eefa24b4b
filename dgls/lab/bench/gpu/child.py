"""Runs a job in its own process, so that a GPU fault or a hang ends only that process."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from dgls.lab.bench.gpu.messages import Begun, Died, Job, Message, decoded, encoded_job

_PROGRAM = (sys.executable, "-P", "-m", "dgls.lab.bench.gpu.measuring")


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds for loading and for a part, and the end (`time.time()`) of all."""

    loading: float
    part: float
    end: float


def in_child(job: Job, patience: Patience) -> Iterator[Message]:
    """The messages of `measured` for the job; the last one is `Died` if it did not finish.

    The process and its folder for temporary files are gone afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="dgls-bench-") as folder:
        process = subprocess.Popen(
            _PROGRAM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TMPDIR": folder},
            text=True,
            encoding="utf-8",
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            # If the process has ended already, its exit status tells more.
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(encoded_job(job))
                process.stdin.close()
            yield from _told(process, process.stdout, patience)
        finally:
            process.kill()
            process.wait()


def _told(process: subprocess.Popen[str], output: IO[str], patience: Patience) -> Iterator[Message]:
    """The messages as they arrive; each part restarts the time limit."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(output, lines), daemon=True).start()
    begun, allowed = time.time(), patience.loading
    parts = 0
    while True:
        wait = min(begun + allowed, patience.end) - time.time()
        try:
            line = lines.get(timeout=max(0.0, wait))
        except queue.Empty:
            yield Died(f"was ended after {time.time() - begun:.0f} s")
            return
        if line is None:
            status = process.wait()
            if status:
                yield Died(f"ended with exit status {status}")
            return
        message = decoded(line)
        if isinstance(message, Begun):
            begun = time.time()
            # The first part is loading.
            allowed = patience.part if parts else patience.loading
            parts += 1
        yield message


def _read(output: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in output:
        lines.put(line)
    lines.put(None)
