"""What git ignores: `.gitignore` files, `.git/info/exclude` and the user's own list.

Read as git does (https://git-scm.com/docs/gitignore), without running git, because a repository's
configuration can make git run programs.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dgls.files import expanded, read_small
from dgls.patterns import MAX_WORK, Patterns, TooManyPatternsError
from dgls.policy.git_config import Excluding, has_worktree_settings
from dgls.policy.git_settings import UnreadableIgnoresError, is_true, text_of

_MAX_VERDICTS = 5_000
_Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Repository:
    """A work tree and its `.git`. `lists` are the ignore files for all of it, the weakest first.

    `settings` are the files that set them, and `elsewhere` is the work tree that they name
    (`core.worktree`), if that is another one.
    """

    root: Path
    git: Path
    lists: tuple[Path, ...]
    ignores_case: bool = False
    settings: tuple[Path, ...] = ()
    elsewhere: Path | None = None


@dataclass
class Ignores:
    """The ignore files that were read; a changed one is read again."""

    _read: dict[tuple[Path, bool], tuple[_Stamp, Patterns | UnreadableIgnoresError]] = field(
        default_factory=dict
    )
    _verdicts: dict[tuple[Path, Path], tuple[list[tuple[int, Patterns]], bool | None]] = field(
        default_factory=dict
    )
    _repositories: dict[tuple[Path, Path], tuple[tuple[_Stamp | None, ...], Repository]] = field(
        default_factory=dict
    )

    def hide(self, file: Path) -> bool:
        """Whether git ignores a file or a folder above it. Raises `UnreadableIgnoresError`.

        Git looks for the repository in the folders above, or uses `GIT_DIR`; here both count. If
        `core.worktree` names another place for its files, both places count too.
        """
        git, here = _nearest(file.parent), _nearest_here()
        own = self._known(git) if git else None
        found = [own, self._repository_of_environment()]
        for each in (own, self._known(here) if here else None):
            if each and each.elsewhere:
                found.append(self._known(each.git, each.elsewhere))
        return any(
            self._hides(repository, file)
            for repository in found
            if repository is not None and file.is_relative_to(repository.root)
        )

    def _hides(self, repository: Repository, file: Path) -> bool:
        folders = [*reversed(file.relative_to(repository.root).parents)]
        paths = [(0, path) for path in repository.lists]
        paths += [
            (depth, repository.root / folder / ".gitignore") for depth, folder in enumerate(folders)
        ]
        lists = [
            (depth, patterns)
            for depth, path in paths
            if (patterns := self._patterns(path, ignore_case=repository.ignores_case))
        ]
        known = self._verdicts.get((repository.root, file))
        if known is None or known[0] != lists:
            if len(self._verdicts) > _MAX_VERDICTS:
                self._verdicts.clear()
            known = lists, _is_hidden(file.relative_to(repository.root), lists)
            self._verdicts[repository.root, file] = known
        if known[1] is None:
            raise UnreadableIgnoresError(file, "the patterns of its repository would take too long")
        return known[1]

    def _patterns(self, path: Path, *, ignore_case: bool) -> Patterns | None:
        stamp = _stamp(path)
        if stamp is None:
            return None
        known = self._read.get((path, ignore_case))
        if known is None or known[0] != stamp:
            known = stamp, _patterns_in(path, ignore_case=ignore_case)
            self._read[path, ignore_case] = known
        if isinstance(known[1], UnreadableIgnoresError):
            raise known[1]
        return known[1]

    def _repository_of_environment(self) -> Repository | None:
        """The repository that `GIT_DIR` names, as for dotfiles with a bare repository elsewhere.

        With only `GIT_WORK_TREE` set, it is the repository of the working folder.
        """
        with suppress(FileNotFoundError):
            # The working folder may have been removed.
            if named := os.environ.get("GIT_DIR"):
                git = Path(os.path.abspath(named))
                return self._known(git, _work_tree(git))
        if os.environ.get("GIT_WORK_TREE") and (near := _nearest_here()):
            return self._known(near, _work_tree(near))
        return None

    def _known(self, git: Path, root: Path | None = None) -> Repository | None:
        """The repository of `git` with its files below `root`, by default those beside it."""
        root = root or git.parent
        if (stamp := _stamp(git)) is None:
            return None
        known = self._repositories.get((git, root))
        if known is None or known[0] != (stamp, *map(_stamp, known[1].settings)):
            found = _repository_at(root, git)
            known = (stamp, *map(_stamp, found.settings)), found
            self._repositories[git, root] = known
        return known[1]


def _is_hidden(file: Path, lists: Sequence[tuple[int, Patterns]]) -> bool | None:
    """Whether a file below the work tree's root, or a folder above it, is ignored.

    None if it would take too long to tell.
    """
    parts = [os.fsencode(part).decode("latin-1") for part in file.parts]
    depths = range(1, len(parts) + 1)
    work = sum(
        patterns.work(depth - first)
        for depth in depths
        for first, patterns in lists
        if first < depth
    )
    if work > MAX_WORK:
        return None
    return any(
        _verdict(
            [each for each in lists if each[0] < depth],
            parts[:depth],
            is_folder=depth < len(parts),
        )
        for depth in depths
    )


def _verdict(
    lists: Sequence[tuple[int, Patterns]], parts: Sequence[str], *, is_folder: bool
) -> bool:
    """The verdict on a path of the strongest list that matches it."""
    for depth, patterns in reversed(lists):
        verdict = patterns.verdict(parts[depth:], is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False


def _nearest(folder: Path) -> Path | None:
    """The nearest `.git` in a folder or above it.

    Git skips a folder `.git` that is no repository; this does too if there is another one.
    """
    first, here, above = None, "", os.fspath(folder)
    while above != here:
        here, above = above, os.path.dirname(above)
        git = os.path.join(here, ".git")
        if os.path.exists(git):
            if not os.path.isdir(git) or os.path.exists(os.path.join(git, "HEAD")):
                return Path(git)
            first = first or Path(git)
    return first


def _nearest_here() -> Path | None:
    """The nearest `.git` from the working folder on; None where that folder is gone."""
    with suppress(FileNotFoundError):
        return _nearest(Path.cwd())
    return None


def _patterns_in(path: Path, *, ignore_case: bool) -> Patterns | UnreadableIgnoresError:
    try:
        # Git compares bytes, which these characters represent, and a NUL ends a line's pattern.
        text = read_small(path).removeprefix(codecs.BOM_UTF8).decode("latin-1")
        lines = [line.removesuffix("\r").partition("\0")[0] for line in text.split("\n")]
        if path.name == ".gitignore" and path.is_symlink():
            # Since 2.32 git follows no such link, so its patterns may hide files but not unhide
            # any.
            lines = [line for line in lines if not line.startswith("!")]
        return Patterns(lines, ignore_case=ignore_case)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return Patterns(())
    except OSError as error:
        return UnreadableIgnoresError(path, error.strerror or type(error).__name__)
    except TooManyPatternsError as error:
        return UnreadableIgnoresError(path, str(error))


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns


def _repository_at(root: Path, git: Path) -> Repository:
    """The repository of the files below `root`; `git` is its folder, or the file that links to it.

    Raises `UnreadableIgnoresError` if its settings cannot be read.
    """
    folder = _folder_of(git)
    common = _common_folders(folder)
    found = Excluding(folder)
    for path in (*_user_configurations(), *(own / "config" for own in common)):
        found.look_at(path)
    if any(has_worktree_settings(own / "config") for own in common):
        found.look_at(folder / "config.worktree")
    found.look_at_environment()
    usual = _configuration_folder() / "git" / "ignore"
    excludes = usual if found.excludes is None else _expanded(found.excludes, root)
    doubtful = [_expanded(value, root) for value in found.doubtful]
    swapped = root / ".GIT"
    ignores_case = swapped.exists() and swapped.samefile(git)
    lists = (*doubtful, excludes, *(own / "info" / "exclude" for own in common))
    said = found.worktree and Path(os.path.normpath(folder / found.worktree))
    return Repository(
        root,
        git,
        lists,
        ignores_case or found.ignores_case,
        tuple(found.read),
        said if said and said != root else None,
    )


def _work_tree(git: Path) -> Path:
    """The work tree of a repository that is given to git by its own folder."""
    if said := os.environ.get("GIT_WORK_TREE"):
        return Path(os.path.abspath(said))
    folder = _folder_of(git)
    found = Excluding(folder)
    for own in _common_folders(folder):
        found.look_at(own / "config")
    return Path(os.path.normpath(folder / found.worktree)) if found.worktree else Path.cwd()


def _common_folders(folder: Path) -> tuple[Path, ...]:
    """The folders with `info` and `config`, the weaker first.

    The first is git's own folder or, for a linked work tree, the common one; the second is
    `GIT_COMMON_DIR`. Git uses only the latter, but it runs in one repository; a server serves
    others too.
    """
    own = _link_target(folder / "commondir", "") or folder
    said = os.environ.get("GIT_COMMON_DIR")
    return (own, Path(os.path.abspath(said))) if said else (own,)


def _folder_of(git: Path) -> Path:
    """Git's own folder for a work tree."""
    return (_link_target(git, "gitdir:") if git.is_file() else git) or git


def _link_target(file: Path, key: str) -> Path | None:
    line = text_of(file).rstrip("\r\n")
    if not line or not line.startswith(key) or "\0" in line:
        return None
    return Path(os.path.normpath(file.parent / line.removeprefix(key).removeprefix(" ")))


def _user_configurations() -> tuple[Path, ...]:
    """Git's settings files outside any repository, the weakest first."""
    variables = os.environ
    system = variables.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig")
    if is_true(variables.get("GIT_CONFIG_NOSYSTEM", "")):
        system = ""
    usual = str(_configuration_folder() / "git" / "config"), str(expanded("~/.gitconfig"))
    chosen = variables.get("GIT_CONFIG_GLOBAL")
    # Git reads nothing for an empty name.
    return tuple(Path(name) for name in (system, *(usual if chosen is None else (chosen,))) if name)


def _configuration_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or expanded("~/.config"))


def _expanded(value: str, root: Path) -> Path:
    return root / expanded(value) if value else Path(os.devnull)
