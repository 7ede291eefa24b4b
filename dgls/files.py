"""Safe file access: others' files cannot block or flood the reader, and ours stay private."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 1_000_000
"""A larger settings or ignore file is not read."""


def read_small(path: Path, most_bytes: int = LARGEST_BYTES) -> bytes:
    """The bytes of a regular file of at most `most_bytes`.

    The null device reads as empty. Raises `OSError`, whose `strerror` says what is wrong, also for
    another device, a pipe, a folder, and a file that is too large. Those are not opened, because
    opening alone can block.
    """
    found = os.stat(path)
    if stat.S_ISCHR(found.st_mode) and os.path.samestat(found, os.stat(os.devnull)):
        return b""
    _check(path, found, most_bytes)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        # The path may lead to another file by now.
        _check(path, os.fstat(file.fileno()), most_bytes)
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise _too_large(path, most_bytes)
    return data


def expanded(path: str | Path) -> Path:
    """The path with `~` as the home folder, or unchanged if the user is unknown.

    `Path.expanduser` raises a `RuntimeError` then.
    """
    return Path(os.path.expanduser(path))


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a regular file of the user's own, created with mode 0600.

    Raises `OSError`, also for a link, a pipe or another user's file, which are neither followed nor
    changed.
    """
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    careful |= getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags | careful, 0o600)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.EISDIR}:
            raise _not_own(path) from error
        raise
    if sys.platform == "win32":
        return descriptor
    found = os.fstat(descriptor)
    is_own = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and found.st_nlink <= 1
    if not is_own:
        os.close(descriptor)
        raise _not_own(path)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a file that only the user can read, atomically. Raises `OSError`."""
    descriptor, temporary = _new_file(path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink()
        raise


def replace(path: Path, data: bytes) -> None:
    """Replace a file's bytes by `data`, atomically; its mode and owner stay.

    The data is first written to a new file in the same folder, under an unpredictable name, because
    otherwise somebody could plant a link there. Raises `OSError`; the file is then unchanged.
    """
    old = path.stat()
    descriptor, beside = _new_file(path.parent, ".dgls-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            new = os.fstat(descriptor)
            if sys.platform != "win32" and (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
                os.fchown(descriptor, old.st_uid, old.st_gid)
        os.chmod(beside, stat.S_IMODE(old.st_mode))
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def _not_own(path: Path) -> OSError:
    what = f"{path} is a link, a pipe or another user's file; remove it"
    return OSError(errno.ELOOP, what, str(path))


def _check(path: Path, found: os.stat_result, most_bytes: int) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if found.st_size > most_bytes:
        raise _too_large(path, most_bytes)


def _too_large(path: Path, most_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most_bytes:,} bytes", str(path))


def _new_file(folder: Path, prefix: str | None = None) -> tuple[int, str]:
    """The descriptor and the path of a new file that only the user can open."""
    # A front-end rarely writes, and this module takes 0.8 MB of memory.
    import tempfile

    return tempfile.mkstemp(prefix=prefix, dir=folder)
