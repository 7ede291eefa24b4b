"""File hashes, in the forms of the catalogue and the publisher's hub."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

_CHUNK = 1 << 20
_KINDS: dict[int, Literal["sha256", "git"]] = {64: "sha256", 40: "git"}


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash in hexadecimal; "git" is a git blob's SHA-1, which the hub uses for small files."""

    kind: Literal["sha256", "git"]
    value: str

    @classmethod
    def of_etag(cls, etag: str) -> Self | None:
        """The hash in an etag of the hub, or in a blob's name in its cache; None for other text."""
        value = etag.removeprefix("W/").strip('"')
        kind = _KINDS.get(len(value)) if re.fullmatch("[0-9a-f]+", value) else None
        return cls(kind, value) if kind is not None else None

    def __str__(self) -> str:
        return f"SHA-256 {self.value}" if self.kind == "sha256" else f"git hash {self.value}"


@dataclass(frozen=True, slots=True)
class FileHashes:
    """A file's hashes, read in one pass."""

    sha256: str
    git: str

    def match(self, digest: Digest) -> bool:
        """Whether the file has that hash."""
        return digest.value == (self.sha256 if digest.kind == "sha256" else self.git)


def hashes_of(path: Path, on_bytes: Callable[[int], None] = lambda done: None) -> FileHashes:
    """The file's hashes; `on_bytes` gets the number of bytes read. Raises `OSError`."""
    sha256 = hashlib.sha256()
    # git hashes a header with the size first. SHA-1 identifies the file here; nothing relies on it
    # for security.
    header = f"blob {path.stat().st_size}\0".encode()
    git = hashlib.sha1(header, usedforsecurity=False)
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            git.update(chunk)
            on_bytes(done := done + len(chunk))
    return FileHashes(sha256.hexdigest(), git.hexdigest())
