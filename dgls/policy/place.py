"""Where a file lies in the workspace, by whichever of its names the editor knows it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def names_of(path: str) -> tuple[Path, ...]:
    """A file by its name and by where its links lead, last; often the two are one."""
    name, target = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    return (name,) if name == target else (name, target)


def real(folders: Iterable[Path]) -> tuple[Path, ...]:
    """The folders by where their links lead."""
    return tuple(Path(os.path.realpath(folder)) for folder in folders)


def holds(folder: Path, file: Path) -> bool:
    """Whether a folder holds a file, both without links.

    Also where the system takes upper for lower case and the two are spelled differently.
    """
    if file.is_relative_to(folder):
        return True
    if not str(file).lower().startswith(str(folder).lower()):
        return False
    try:
        above = file.parents[len(file.parts) - len(folder.parts) - 1]
        return above.samefile(folder)
    except (OSError, IndexError):
        return False


def parts_in(path: str, folders: Iterable[Path]) -> tuple[str, ...] | None:
    """The file's names from the innermost folder on that holds it; None where none does."""
    if not os.path.isabs(path) or "\0" in path:
        return None
    given = [Path(os.path.abspath(folder)) for folder in folders]
    for file, candidates in ((names_of(path)[0], given), (names_of(path)[-1], real(given))):
        inside = [folder for folder in candidates if holds(folder, file)]
        if inside:
            innermost = max(inside, key=lambda each: len(each.parts))
            return file.parts[len(innermost.parts) :]
    return None
