"""The folder of the sockets: its place, and the checks that it is private to the user.

Anybody who can rename or replace a folder above it could put their own socket there and receive the
code. So each folder above it must belong to the user or to root, and nobody else may write to it,
unless its sticky bit protects other users' files, as in `/tmp`.
"""

from __future__ import annotations

import os
import stat
import sys
import warnings
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from dgls.config import Settings
from dgls.errors import EngineUnavailableError, SettingError
from dgls.files import expanded

_ROOT = 0
_MAX_LINKS = 40


def runtime_folder(settings: Settings) -> Path:
    """The absolute path of the folder; it need not exist.

    Raises `SettingError` for a relative one, `EngineUnavailableError` if the system has no such
    folder.
    """
    if settings.engine.folder:
        folder = expanded(settings.engine.folder)
        if not folder.is_absolute() or "\0" in settings.engine.folder:
            raise SettingError(
                f"'engine.folder' must be an absolute path, not {settings.engine.folder!r}; "
                "no engine was started."
            )
        return Path(os.path.normpath(folder))
    import platformdirs

    with warnings.catch_warnings():
        # It warns if XDG_RUNTIME_DIR is not set; its fallback is private as well.
        warnings.simplefilter("ignore")
        try:
            return Path(platformdirs.user_runtime_dir("dgls", appauthor=False))
        except OSError as error:
            raise EngineUnavailableError(
                f"The system has no private folder for the engine's socket ({error}), so no "
                "engine was "
                "started. Set engine.folder or XDG_RUNTIME_DIR to your own folder."
            ) from error


def make_private(folder: Path) -> None:
    """Create the folder, private to the user. Raises `EngineUnavailableError` on failure."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise EngineUnavailableError(
            f"The engine's folder {folder} cannot be created ({error.strerror}), so no engine was "
            "started. Set engine.folder to another folder."
        ) from error
    check_private(folder)


def check_private(folder: Path) -> None:
    """Raise `EngineUnavailableError` if somebody else can open or replace the folder.

    A missing folder is fine.
    """
    if sys.platform == "win32":
        return
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EngineUnavailableError(
            f"The engine's folder {folder} cannot be checked ({error.strerror}), so no engine was "
            "started. Set engine.folder to another folder."
        ) from error
    if why := _why_not_ours(found):
        raise EngineUnavailableError(
            f"The engine's folder {folder} {why}, so no engine was started. Make it private (mode "
            "0700), or set engine.folder to another folder."
        )
    for parent in dict.fromkeys((*folder.parents, *_path_to(folder))):
        if why := _why_unsafe(parent):
            raise EngineUnavailableError(
                f"The folder {parent}, which contains the engine's folder, {why}. Another "
                "user could "
                "put an engine there, so nothing was sent. Set engine.folder to another folder."
            )


def _path_to(folder: Path) -> Iterator[Path]:
    """Each folder and link on the way to an absolute folder.

    A link's target has folders of its own, in which others may be able to replace the next link.
    """
    at, links = Path(folder.anchor), 0
    names = deque(folder.parent.parts[1:])
    while names and links <= _MAX_LINKS:
        name = names.popleft()
        if name == "..":
            at = at.parent
            continue
        yield (passed := at / name)
        if not passed.is_symlink():
            at = passed
            continue
        links += 1
        target = passed.readlink()
        at = Path(target.anchor) if target.is_absolute() else at
        names.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))


def _why_not_ours(found: os.stat_result) -> str:
    if not stat.S_ISDIR(found.st_mode):
        return "is a file or a link, not a folder"
    if found.st_uid != os.getuid():
        return f"belongs to another user ({found.st_uid})"
    return "is open to other users" if found.st_mode & 0o077 else ""


def _why_unsafe(parent: Path) -> str:
    try:
        found = parent.lstat()
    except OSError as error:
        return f"cannot be looked at ({error.strerror})"
    if found.st_uid not in {os.getuid(), _ROOT}:
        return f"belongs to another user ({found.st_uid})"
    if stat.S_ISLNK(found.st_mode):
        return ""
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others_write and not found.st_mode & stat.S_ISVTX:
        return "can be written by other users"
    return ""
