"""Watches the editor's process, because a front-end ends with it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.5
"""The seconds between checks."""


@dataclass(frozen=True, slots=True)
class EditorProcess:
    """A process by its ID and its birth, which tells it from a later process with the same ID.

    `born` is None if there is no such process: the editor runs on another machine or in another
    container. Then the process that started this one is watched, `starter`; 0 for none.
    """

    pid: int
    born: str | None
    starter: int = 0

    @classmethod
    def of(cls, pid: int | None, starter: int = 0) -> EditorProcess:
        """The process that has this ID now."""
        return cls(pid or 0, _birth(pid or 0), starter)

    def updated(self, pid: int | None) -> EditorProcess:
        """The process with an ID that the editor sends later, if it exists here; else this one."""
        told = EditorProcess.of(pid, self.starter)
        return self if told.born is None else told

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended. For one that is elsewhere only a closed pipe tells."""
        if self.born is None:
            return self.starter != 0 and os.getppid() != self.starter
        return _birth(self.pid) != self.born


if sys.platform == "win32":
    import ctypes

    _SYNCHRONIZE, _TIMED_OUT = 0x0010_0000, 0x0000_0102

    def _birth(pid: int) -> str | None:
        # On Windows os.kill(pid, 0) would end the process.
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_SYNCHRONIZE, False, pid)
        if not handle:
            return None
        alive = kernel.WaitForSingleObject(handle, 0) == _TIMED_OUT
        kernel.CloseHandle(handle)
        return "alive" if alive else None

else:

    def _birth(pid: int) -> str | None:
        """A value that tells a process from a later one with its ID; None if it has ended."""
        if pid <= 0:
            return None
        try:
            os.kill(pid, 0)
        except PermissionError:
            pass
        except (OSError, OverflowError):
            return None
        return _from_proc(pid)

    def _from_proc(pid: int) -> str | None:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "alive"
        # The command's name is in brackets and may have any character; the state follows.
        state, *others = text.rpartition(")")[2].split()
        return None if state in {"Z", "X"} else others[18]
