"""Git's settings about ignored files: `core.excludesFile` and `core.ignoreCase`.

Includes and environment variables count. They are read as git does
(https://git-scm.com/docs/git-config), without running git.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from dgls.files import expanded
from dgls.patterns import Patterns, TooManyPatternsError
from dgls.policy.git_settings import Setting, given_in_environment, is_true, settings_of, text_of

_DEEPEST = 10
_MAX_FILES = 100
_OPTIONAL = ":(optional)"


@dataclass
class Excluding:
    """The values of git's settings in several files; later files are stronger.

    `git` is the repository's own folder, by which conditions are judged. `excludes` is as written,
    None if no file has it; `doubtful` has the values from files that git may or may not include.
    `worktree` is the configured place of the repository's files. `read` are the files that were
    read.
    """

    git: Path
    excludes: str | None = None
    doubtful: list[str] = field(default_factory=list)
    ignores_case: bool = False
    worktree: str | None = None
    read: list[Path] = field(default_factory=list)

    def look_at(self, path: Path, depth: int = 0, *, is_sure: bool = True) -> None:
        """Read a file's settings, and the files that it includes, each at its place.

        Raises `UnreadableIgnoresError` for a file that cannot be read.
        """
        self.read.append(path)
        self._take(settings_of(path), path, depth, is_sure=is_sure)

    def look_at_environment(self) -> None:
        """Read the settings in environment variables, which are stronger than any file."""
        self._take(given_in_environment(), Path(os.sep), depth=0, is_sure=True)

    def _take(self, settings: Iterable[Setting], path: Path, depth: int, *, is_sure: bool) -> None:
        for section, condition, name, value in settings:
            if name == "path" and value and section in {"include", "includeif"}:
                included = self._includes(section, condition, path)
                if included is not False and depth < _DEEPEST and len(self.read) < _MAX_FILES:
                    file = path.parent / expanded(value.removeprefix(_OPTIONAL))
                    self.look_at(file, depth + 1, is_sure=is_sure and included is True)
            elif section == "core" and condition is None:
                self._take_core(name, value, is_sure=is_sure)

    def _take_core(self, name: str, value: str | None, *, is_sure: bool) -> None:
        if name == "excludesfile" and value is not None:
            path = value.removeprefix(_OPTIONAL)
            if is_sure:
                self.excludes = path
            else:
                self.doubtful.append(path)
        elif name == "ignorecase":
            self.ignores_case = is_true(value) or (self.ignores_case and not is_sure)
        elif name == "worktree" and is_sure:
            self.worktree = value

    def _includes(self, section: str, condition: str | None, path: Path) -> bool | None:
        """Whether git includes the file of a setting; None if dgls cannot tell."""
        if section == "include" or condition is None:
            return section == "include" and condition is None
        kind, _, wanted = condition.partition(":")
        if kind in {"gitdir", "gitdir/i"}:
            names = {self.git, Path(os.path.realpath(self.git))}
            pattern = _of_folder(wanted, path)
            return any(
                _matches(pattern, str(name), ignore_case=kind == "gitdir/i") for name in names
            )
        if kind == "onbranch":
            branch = text_of(self.git / "HEAD").strip().removeprefix("ref: refs/heads/")
            return _matches(wanted + "**" * wanted.endswith("/"), branch, ignore_case=False)
        return None


def has_worktree_settings(config: Path) -> bool:
    """Whether a repository's settings give each of its work trees its own settings."""
    key = ("extensions", None, "worktreeconfig")
    said = [value for *where, value in settings_of(config) if tuple(where) == key]
    return bool(said) and is_true(said[-1])


def _of_folder(wanted: str, path: Path) -> str:
    """The pattern of a condition on the repository's folder, as an absolute path."""
    if wanted.startswith("~/"):
        wanted = str(expanded("~")) + wanted[1:]
    elif wanted.startswith("./"):
        wanted = str(Path(os.path.realpath(path)).parent) + wanted[1:]
    elif not wanted.startswith("/"):
        wanted = f"**/{wanted}"
    return wanted + "**" * wanted.endswith("/")


def _matches(pattern: str, name: str, *, ignore_case: bool) -> bool:
    try:
        found = Patterns([f"/{pattern.lstrip('/')}"], ignore_case=ignore_case)
    except TooManyPatternsError:
        return True
    parts = [part for part in name.split("/") if part]
    return bool(parts) and bool(found.verdict(parts, is_folder=True))
