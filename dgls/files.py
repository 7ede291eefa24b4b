"""Files of unknown origin, read so that none can hang or flood the reader."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_BYTES = 1_000_000
"""A settings or ignore file that is larger is not read."""


def read_small(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """The bytes of a regular file of at most `most_bytes`.

    Raises `OSError`, whose `strerror` says what is wrong: also for a device, a pipe, a folder, and
    a file that is too large. Those are not opened, because opening alone can block.
    """
    _check(path, os.stat(path), most_bytes)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        # The path may lead elsewhere by now.
        _check(path, os.fstat(file.fileno()), most_bytes)
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise _too_large(path, most_bytes)
    return data


def _check(path: Path, found: os.stat_result, most_bytes: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if found.st_size > most_bytes:
        raise _too_large(path, most_bytes)


def _too_large(path: Path, most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most_bytes:,} bytes", str(path))
