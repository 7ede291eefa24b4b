"""The source files of a folder for the evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgls.errors import SourceFileError
from dgls.files import read_small
from dgls.syntax.languages import Known, known_of

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file by its path below the folder, with `/` between the parts. Its lines end with \\n."""

    path: str
    text: str


MayRead = Callable[[Path], bool]
"""Whether a file may be read; the caller knows the privacy rules."""


def anything(path: Path) -> bool:
    """Always True: without rules every file may be read."""
    return True


def source_paths(
    folder: Path, languages: Sequence[Known], may_read: MayRead = anything
) -> dict[Known, tuple[str, ...]]:
    """The readable files below `folder` of each language, as relative paths in a fixed order.

    Languages without a file are left out, and so are hidden folders and those that tools put beside
    sources. Raises `SourceFileError` if `folder` is not a folder.
    """
    if not _is_folder(folder):
        raise SourceFileError(f"{str(folder)[:200]!r} is not a folder; nothing was measured.")
    found: dict[Known, list[str]] = {language: [] for language in languages}
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")
        )
        relative = Path(base).relative_to(folder)
        for name in files:
            if (language := known_of(name)) in found and may_read(Path(base, name)):
                found[language].append((relative / name).as_posix())
    return {language: tuple(sorted(paths)) for language, paths in found.items() if paths}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        # The name is too long, or impossible.
        return False


def read_source(folder: Path, path: str, most_bytes: int = 200_000) -> SourceFile | None:
    """One file; None if it cannot be read, is not UTF-8 or is longer than `most_bytes`."""
    try:
        data = read_small(folder / path, most_bytes)
        return SourceFile(path, data.decode("utf-8").replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError):
        return None
