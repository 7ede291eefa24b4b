"""The privacy rules on the command line, where a flag overrides them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dgls.errors import InputError

if TYPE_CHECKING:
    from dgls.config import Resolved
    from dgls.policy.privacy import Privacy

AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Also read files that the privacy rules exclude: secrets, ignored files, and files of "
        "an untrusted workspace.",
    ),
]


MayRead = Callable[[Path], bool]


def check_readable(path: Path, resolved: Resolved, *, allow: bool) -> None:
    """Raise `InputError` for a private file, unless `allow`.

    The settings of the file's own folder and of its link target's folder count too.
    """
    from dgls.config import resolve

    if allow:
        return
    name = os.path.abspath(path)
    for settings in (resolved, *map(resolve, _own_folders(name))):
        reason, fault = rules(settings).explained(name)
        if reason is not None:
            why = fault or reason.value
            raise InputError(
                f"dgls does not read {path} ({why}); nothing was filled. --allow-private overrides "
                "this."
            )


def readable(resolved: Resolved, *trees: Path, allow: bool) -> MayRead:
    """Whether a file of source trees may be read; a link that leads out of them may not."""
    if allow:
        return lambda path: True
    from dgls.config import resolve

    @lru_cache(maxsize=4096)
    def rules_in(folder: Path) -> Privacy:
        return rules(resolve(folder), *trees)

    def may_read(path: Path) -> bool:
        file = Path(os.path.abspath(path))
        everywhere = (rules(resolved, *trees), *map(rules_in, _own_folders(file)))
        return all(each.why_not(str(file)) is None for each in everywhere)

    return may_read


def _own_folders(path: str | Path) -> set[Path]:
    """The folder of a file, and that of its link target."""
    if "\0" in str(path):
        return set()
    return {Path(path).parent, Path(os.path.realpath(path)).parent}


def rules(resolved: Resolved, *folders: Path) -> Privacy:
    """The rules of the settings. With `folders`, files in none of them count as outside."""
    settings = resolved.settings.privacy
    bases = (Path.cwd(), *resolved.folders)
    return _rules(folders, settings.secrets, settings.trusted, bases)


@lru_cache(maxsize=64)
def _rules(
    folders: tuple[Path, ...], secrets: tuple[str, ...], trusted: bool, bases: tuple[Path, ...]
) -> Privacy:
    from dgls.policy.privacy import Privacy

    return Privacy(folders, secrets, trusted, bases)


def keep_files_private(existing: Iterable[Path] = ()) -> None:
    """Make the files that this process writes, and the existing ones, private to the user."""
    os.umask(0o077)
    for path in existing:
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
