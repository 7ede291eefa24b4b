"""Which files are neither completed nor used as context.

Patterns are those of `.gitignore`, read by the `pathspec` library.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from dgls.policy.silence import Silence

SECRETS = (
    ".env*",
    "*.env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    ".ssh/",
    ".aws/",
    ".gnupg/",
    ".docker/config.json",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.kdbx",
    "*.gpg",
    "*.asc",
    "credentials",
    "credentials.*",
    "*.credentials",
    "secret.*",
    "secrets",
    "secrets.*",
    "*.secret",
    "*.secrets",
    "*service-account*.json",
    "*service_account*.json",
)
"""Files that hold secrets by their names. A user's patterns come on top of these."""


@dataclass(frozen=True)
class Privacy:
    """The rules of one session. `folders` are the workspace's; without any, no file lies outside.

    `secrets` are the user's patterns. They are matched apart from those of dgls, so that a
    pattern with an exclamation mark can take none of them back.
    """

    folders: tuple[Path, ...] = ()
    secrets: tuple[str, ...] = ()
    trusted: bool = True
    _ignores: dict[Path, _Ignore] = field(default_factory=dict, compare=False)

    def why_not(self, path: str) -> Silence | None:
        """Why a file is left alone, None where it may be read and completed.

        `path` is absolute; a relative one is an unsaved document's name, which lies nowhere.
        """
        if not self.trusted:
            return Silence.UNTRUSTED
        file = Path(os.path.abspath(path)) if os.path.isabs(path) else None
        if self._is_secret(file or Path(path)):
            return Silence.SECRET
        if file is None:
            return None
        if self.folders and not any(file.is_relative_to(folder) for folder in self.folders):
            return Silence.OUTSIDE
        return Silence.IGNORED if self._is_ignored(file) else None

    def _is_secret(self, file: Path) -> bool:
        names = {file.as_posix().lstrip("/"), file.as_posix().lstrip("/").lower()}
        specs = (_SECRETS, self._own_secrets)
        return any(spec.match_file(name) for spec in specs for name in names)

    @cached_property
    def _own_secrets(self) -> GitIgnoreSpec:
        return matcher(self.secrets)

    def _is_ignored(self, file: Path) -> bool:
        """Whether git ignores a file or a folder that it lies in."""
        root = _repository(file.parent)
        if root is None:
            return False
        parts = file.relative_to(root).parts
        ignores: list[_Ignore] = []
        for depth in range(len(parts)):
            ignores.append(self._ignore(root.joinpath(*parts[:depth])))
            is_folder = depth + 1 < len(parts)
            if _ignored(ignores, root.joinpath(*parts[: depth + 1]), is_folder):
                return True
        return False

    def _ignore(self, folder: Path) -> _Ignore:
        """The `.gitignore` of a folder, read again when it has changed."""
        path = folder / ".gitignore"
        try:
            stamp = path.stat().st_mtime_ns
        except OSError:
            stamp = 0
        known = self._ignores.get(folder)
        if known is None or known.stamp != stamp:
            known = _Ignore(folder, stamp, matcher(_lines(path) if stamp else ()))
            self._ignores[folder] = known
        return known


@dataclass(frozen=True, slots=True)
class _Ignore:
    folder: Path
    stamp: int
    spec: GitIgnoreSpec


@lru_cache(maxsize=32)
def matcher(patterns: Sequence[str]) -> GitIgnoreSpec:
    """Matches paths as `.gitignore` would; a pattern that is none matches nothing."""
    lines = []
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern])
        except ValueError:
            continue
        lines.append(pattern)
    return GitIgnoreSpec.from_lines(lines)


def _ignored(ignores: Sequence[_Ignore], path: Path, is_folder: bool) -> bool:
    """What the deepest `.gitignore` that names the path says of it."""
    for ignore in reversed(ignores):
        name = path.relative_to(ignore.folder).as_posix() + ("/" if is_folder else "")
        verdict = ignore.spec.check_file(name).include
        if verdict is not None:
            return verdict
    return False


def _repository(folder: Path) -> Path | None:
    """The nearest folder with a `.git` in it or above."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _lines(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()


_SECRETS = matcher(SECRETS)
