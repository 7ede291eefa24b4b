"""Runs one untrusted program from standard input, in a process of its own.

`execution.py` starts this file with `python -I`; it imports nothing of dgls. The first line of the
input is JSON: `{"mark": ..., "memory": bytes, "seconds": ..., "file_bytes": ...}`, the rest is the
program. One line `MARK OUTCOME` on standard error tells how it ended; a program that ends the
process itself leaves no such line and so has not passed.

The limits stop accidents and ordinary mischief of generated code (endless loops, memory, written
files, network, child processes). They do not stop code that is made to break out.
"""

import contextlib
import io
import json
import os
import sys
from types import ModuleType
from typing import Any

_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "ctypes.",
    "shutil.",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.spawn",
    "os.startfile",
    "os.symlink",
    "os.system",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.utime",
    "signal.pthread_kill",
    "ftplib.",
    "http.client.",
    "smtplib.",
    "urllib.Request",
    "webbrowser.open",
)


def main() -> None:
    """Read the program, limit this process, run it, and report how it ended."""
    header, _, program = sys.stdin.read().partition("\n")
    limits = json.loads(header)
    report = os.dup(2)
    _limit(limits)
    sys.addaudithook(_refuse)
    outcome = _run(program)
    os.write(report, f"\n{limits['mark']} {outcome}\n".encode())
    # Threads that the program left running must not keep the process alive.
    os._exit(0)


def _run(program: str) -> str:
    """ "passed", or the name of the exception that the program raised."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.stdin = io.StringIO()
    try:
        with contextlib.redirect_stdout(_Sink()), contextlib.redirect_stderr(_Sink()):
            exec(compile(program, "program.py", "exec"), module.__dict__)
    except BaseException as error:
        # SystemExit and KeyboardInterrupt too: a program that ends itself has passed no test.
        return type(error).__name__
    return "passed"


class _Sink(io.TextIOBase):
    """Discards what the program prints."""

    def write(self, text: str) -> int:
        return len(text)


def _limit(limits: dict[str, Any]) -> None:
    """Limit time, memory, files and processes, if the system supports such limits."""
    try:
        import resource
    except ImportError:
        return
    seconds = max(1, int(limits["seconds"]) + 1)
    wanted = {
        "RLIMIT_CPU": seconds,
        "RLIMIT_AS": limits["memory"],
        "RLIMIT_DATA": limits["memory"],
        "RLIMIT_FSIZE": limits["file_bytes"],
        "RLIMIT_NOFILE": 32,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        # macOS has no address space limit, and a container may forbid lowering one.
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578), which the program cannot remove."""
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not allowed here")
    if event == "open" and _writes(arguments):
        raise PermissionError("writing files is not allowed here")


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = (*arguments, None, None, None)[:3]
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return True
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    return isinstance(flags, int) and bool(flags & changing)


if __name__ == "__main__":
    main()
