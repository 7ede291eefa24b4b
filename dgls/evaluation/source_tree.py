"""The Python files of a folder, as evaluation reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dgls.errors import SourceFileError

_SKIPPED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", "venv", "build"})


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file by its path below the folder, with `/` between the parts. Its lines end with \\n."""

    path: str
    text: str


def python_paths(folder: Path) -> tuple[str, ...]:
    """The Python files below `folder` in a fixed order, as relative paths.

    Hidden folders and what tools put beside sources are left out. Raises `SourceFileError` where
    `folder` is not a folder.
    """
    if not folder.is_dir():
        raise SourceFileError(f"{folder} is not a folder; nothing was measured.")
    found: list[str] = []
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith(".")
        )
        relative = Path(base).relative_to(folder)
        found += [(relative / name).as_posix() for name in sorted(files) if name.endswith(".py")]
    return tuple(sorted(found))


def read_source(folder: Path, path: str, most_bytes: int = 200_000) -> SourceFile | None:
    """One file; None where it cannot be read, is not UTF-8 or is longer than `most_bytes`."""
    try:
        data = (folder / path).read_bytes()
        if len(data) > most_bytes:
            return None
        return SourceFile(path, data.decode("utf-8").replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError):
        return None


def read_sources(where: Path) -> Iterator[SourceFile]:
    """The sources of a folder, or the one file that `where` names.

    Raises `SourceFileError` where there is neither, or the file is not UTF-8.
    """
    if where.is_dir():
        for path in python_paths(where):
            if source := read_source(where, path):
                yield source
        return
    source = read_source(where.parent, where.name, most_bytes=1 << 30)
    if source is None:
        raise SourceFileError(
            f"{where} is neither a folder nor a readable text; nothing was measured."
        )
    yield source
