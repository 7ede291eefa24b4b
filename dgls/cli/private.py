"""The privacy rules on the command line, where a flag overrides them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
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
        help="Read what the privacy rules leave alone, too: secrets, ignored files, and the "
        "files of a workspace that is not trusted.",
    ),
]

MayRead = Callable[[Path], bool]


def check_private(path: Path, resolved: Resolved, allow: bool) -> None:
    """Raise `InputError` for a file that is left alone, unless that is allowed."""
    reason, fault = rules(resolved).explained(os.path.abspath(path))
    if reason is not None and not allow:
        why = fault or reason.value
        raise InputError(
            f"{path} is left alone ({why}); nothing was filled. --allow-private overrides that."
        )


def readable(resolved: Resolved, allow: bool) -> MayRead:
    """Whether a file of a source tree may be read."""
    if allow:
        return lambda path: True
    privacy = rules(resolved)
    return lambda path: privacy.why_not(os.path.abspath(path)) is None


def rules(resolved: Resolved) -> Privacy:
    """The rules of the settings. No file lies outside of a command line's workspace."""
    from dgls.policy.privacy import Privacy

    settings = resolved.settings.privacy
    return Privacy((), settings.secrets, settings.trusted, (Path.cwd(), *resolved.folders))


def keep_files_private(existing: Iterable[Path] = ()) -> None:
    """Let nobody else read what this process writes from here on, nor those files."""
    os.umask(0o077)
    for path in existing:
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
