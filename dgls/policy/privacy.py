"""Which files are neither completed nor used as context.

A file is judged by its name and, if that is a symbolic link or lies below one, by the name of the
target too. Patterns are those of `.gitignore`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dgls.patterns import Patterns, patterns
from dgls.policy.git_settings import UnreadableIgnoresError
from dgls.policy.place import holds, names_of, real
from dgls.policy.repository import Ignores
from dgls.policy.silence_reasons import Silence

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
    "**/.docker/config.json",
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
    "client_secret*.json",
    "*.ppk",
    "*.tfvars",
    "*.tfstate*",
    ".pgpass",
    ".my.cnf",
    ".s3cfg",
    ".boto",
    ".vault-token",
    ".kube/",
    ".azure/",
)
"""Files whose names suggest secrets. A user's patterns are added to these."""

_MAX_NAMES = 5_000
_DEEPEST = 200
"""The most folders above a file. Each is searched, and nobody works on deeper files."""


@dataclass(frozen=True)
class Privacy:
    """The rules of one session. `folders` are the workspace's; without any, no file is outside.

    `secrets` are the user's patterns, matched from each of the `folders` and `bases` that holds the
    file; if none does, from every folder above it. They are matched separately from dgls's own, so
    that a pattern with an exclamation mark cannot cancel one of those.
    """

    folders: tuple[Path, ...] = ()
    secrets: tuple[str, ...] = ()
    trusted: bool = True
    bases: tuple[Path, ...] = ()
    _ignores: Ignores = field(default_factory=Ignores, compare=False)
    _secret: dict[Path, bool] = field(default_factory=dict, compare=False)

    def why_not(self, path: str) -> Silence | None:
        """Why a file is left alone; None if it may be read and completed.

        `path` is absolute; a relative one is an unsaved document's name, which is in no folder.
        """
        return self.explained(path)[0]

    def explained(self, path: str) -> tuple[Silence | None, str]:
        """Why a file is left alone, and what is wrong if an ignore file is the cause."""
        if not self.trusted:
            return Silence.UNTRUSTED, ""
        if "\0" in path or path.count(os.sep) > _DEEPEST:
            return Silence.OUTSIDE, ""
        if not os.path.isabs(path):
            return (Silence.SECRET if self._is_secret(Path(path)) else None), ""
        names = names_of(path)
        if any(map(self._is_secret, names)):
            return Silence.SECRET, ""
        if self.folders and not any(holds(folder, names[-1]) for folder in self._real_folders):
            return Silence.OUTSIDE, ""
        try:
            ignored = any(map(self._ignores.hide, names))
        except UnreadableIgnoresError as error:
            return Silence.UNREADABLE, str(error)
        return (Silence.IGNORED if ignored else None), ""

    def _is_secret(self, file: Path) -> bool:
        """Whether a name is that of a secret, regardless of the ignore files."""
        if file not in self._secret:
            if len(self._secret) > _MAX_NAMES:
                self._secret.clear()
            self._secret[file] = self._matches_secret(file)
        return self._secret[file]

    def _matches_secret(self, file: Path) -> bool:
        parts = [part for part in file.parts if part != file.anchor]
        if _SECRETS.matches(parts):
            return True
        return bool(self.secrets) and any(
            own.matches(names) for own, names in self._from_bases(file) if names
        )

    def _from_bases(self, file: Path) -> Iterator[tuple[Patterns, tuple[str, ...]]]:
        """The user's patterns, with the parts of a path relative to each base."""
        parts = file.relative_to(file.anchor).parts
        bases = [base for base in self._own_secrets if file.is_relative_to(base)]
        for base in bases:
            yield self._own_secrets[base], file.relative_to(base).parts
        if not bases:
            own = patterns(self.secrets, ignore_case=True)
            yield from ((own, parts[depth:]) for depth in range(len(parts)))

    @cached_property
    def _own_secrets(self) -> dict[Path, Patterns]:
        """The user's patterns, by the folder that they are relative to."""
        given = [Path(os.path.abspath(base)) for base in (*self.folders, *self.bases)]
        return {
            base: patterns(
                tuple(_relative_pattern(base, each) for each in self.secrets), ignore_case=True
            )
            for base in (*given, *real(given))
        }

    @cached_property
    def _real_folders(self) -> tuple[Path, ...]:
        return real(self.folders)


def _relative_pattern(base: Path, pattern: str) -> str:
    """A pattern relative to a folder; many users write a file's full path."""
    mark = "!" * pattern.startswith("!")
    folder, path = f"{base.as_posix().rstrip('/')}/", pattern.removeprefix(mark)
    if not f"{path}/".lower().startswith(folder.lower()):
        return pattern
    rest = path[len(folder) :]
    return f"{mark}/{rest}" if rest else f"{mark}*"


_SECRETS = patterns(SECRETS, ignore_case=True)
