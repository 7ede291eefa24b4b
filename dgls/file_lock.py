"""A file lock that the system releases when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dgls.files import open_own

_MAX_DIGITS = 20


class FileLock:
    """An exclusive lock, held from `acquire` or `adopt` until `release` or the process's end.

    With `flock`, a held lock can be handed to a child process by its descriptor: the lock belongs
    to the open file, not to the process.
    """

    CAN_HAND_OVER = sys.platform != "win32"

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """The lock, or None if somebody holds it. Does not wait.

        Raises `OSError`, also if the path is not a file of the user's own.
        """
        while True:
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            if not _try_lock(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                return cls(path, descriptor)
            # Its last holder removed the file between our open and our lock.
            os.close(descriptor)

    @classmethod
    def adopt(cls, path: Path, descriptor: int) -> FileLock:
        """The lock that the parent process handed over; child processes do not inherit it."""
        os.set_inheritable(descriptor, False)
        return cls(path, descriptor)

    def write_owner(self, pid: int | None = None) -> None:
        """Write the process ID of the holder, this process or `pid`, in case it must be killed."""
        # On a full disk the lock still holds.
        with contextlib.suppress(OSError):
            os.ftruncate(self.descriptor, 0)
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            os.write(self.descriptor, str(os.getpid() if pid is None else pid).encode())

    def hand_over(self) -> None:
        """Close our side of a lock that a child process holds now."""
        os.close(self.descriptor)

    def release(self) -> None:
        """Release the lock and remove the file, if it is still the locked one.

        A second call does nothing.
        """
        if self.descriptor < 0:
            return
        if sys.platform != "win32" and _is_at(self.descriptor, self.path):
            self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
        self.descriptor = -1


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock. A file of another user is no lock."""
    try:
        if not path.is_file() or path.is_symlink():
            return False
        lock = FileLock.acquire(path)
    except OSError:
        return False
    if lock is not None:
        lock.release()
    return lock is None


def owner(path: Path) -> int | None:
    """The process that holds a held lock, or None if it has not written its ID yet."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
            return int(file.read(_MAX_DIGITS))
    except (OSError, ValueError):
        return None


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # On Windows a locked range cannot be read, so it lies beyond the process ID.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
