"""Changes to the folder of models: one at a time per model, with disk errors in words."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgls.checkpoint.catalogue import Entry
from dgls.checkpoint.store import folder_of, models_folder
from dgls.config.settings import MODELS_VARIABLE
from dgls.errors import ModelFetchError, ModelNotFoundError
from dgls.file_lock import FileLock, owner

_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def changing(entry: Entry) -> Iterator[Path]:
    """A context with the model's folder, locked for this process.

    Raises `ModelFetchError` if another process holds it, or the disk cannot be written.
    """
    folder = folder_of(entry)
    with _in_words(folder):
        models_folder().mkdir(parents=True, exist_ok=True)
        path = models_folder() / f"{entry.name}.lock"
        lock = FileLock.acquire(path)
        if lock is None:
            raise ModelFetchError(
                f"Another dgls (process {owner(path) or '?'}) is fetching or removing "
                f"{entry.name}; nothing was changed. Wait until it ends, then try again."
            )
        try:
            lock.write_owner()
            yield folder
        finally:
            lock.release()


def remove(entry: Entry) -> int:
    """Remove the model, files made from it and partial fetches; returns the bytes freed.

    Raises `ModelNotFoundError` if nothing of it is here, and `ModelFetchError`.
    """
    if not folder_of(entry).exists():
        raise ModelNotFoundError(f"{entry.name} is not on this machine; nothing was removed.")
    with changing(entry) as folder:
        freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if folder.is_symlink():
            folder.unlink()
            return 0
        shutil.rmtree(folder)
    return freed


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelFetchError(
                f"The disk of {folder} is full. What arrived was kept, and the same command "
                f"resumes. Make room, or set {MODELS_VARIABLE} to a folder on another disk."
            ) from error
        raise ModelFetchError(
            f"{folder} cannot be changed ({error.strerror or error}); no model was changed. Set "
            f"{MODELS_VARIABLE} to a folder that can be written."
        ) from error
