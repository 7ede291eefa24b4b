"""Where a file is in the workspace, by any of the names that the editor may use for it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

_MAX_LINKS = 40


def names_of(path: str) -> tuple[Path, ...]:
    """A file's name, the target of each link on its path, and its real path, last.

    Often these are all the same.
    """
    name, target = Path(os.path.abspath(path)), Path(os.path.realpath(path))
    if name == target:
        return (name,)
    return tuple(dict.fromkeys((name, *_on_the_way(path), target)))


def _on_the_way(path: str) -> Iterator[Path]:
    """The steps of a path, link by link."""
    whole = Path(path) if os.path.isabs(path) else Path.cwd() / path
    at, left, links = Path(whole.anchor), deque(whole.parts[1:]), 0
    while left and links < _MAX_LINKS:
        name = left.popleft()
        at = at.parent if name == ".." else at / name
        try:
            target = Path(os.readlink(at))
        except OSError:
            continue
        links += 1
        at = Path(target.anchor) if target.is_absolute() else at.parent
        left.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
        yield Path(os.path.normpath(at.joinpath(*left)))


def real(folders: Iterable[Path]) -> tuple[Path, ...]:
    """The real paths of folders."""
    return tuple(Path(os.path.realpath(folder)) for folder in folders)


def holds(folder: Path, file: Path) -> bool:
    """Whether a folder holds a file; both are real paths.

    On a system that ignores case the two may be spelled differently.
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
    """The parts of the file's path in the innermost folder that holds it; None if none does."""
    if not os.path.isabs(path) or "\0" in path:
        return None
    given = [Path(os.path.abspath(folder)) for folder in folders]
    if not given:
        return None
    names = names_of(path)
    for file, candidates in ((names[0], given), (names[-1], real(given))):
        inside = [folder for folder in candidates if holds(folder, file)]
        if inside:
            innermost = max(inside, key=lambda each: len(each.parts))
            return file.parts[len(innermost.parts) :]
    return None
