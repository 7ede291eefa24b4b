"""The models that `dgls model get` can fetch: their publishers, files and hashes.

The data is `catalogue.toml`; this module gives it types. Knows no torch, so that it loads fast.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgls.errors import ModelNotFoundError

CATALOGUE_FILE = Path(__file__).parent / "catalogue.toml"


@dataclass(frozen=True, slots=True)
class Part:
    """A byte range of a file, packaged as `member` of one wheel in the package index."""

    package: str
    version: str
    member: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model.

    `sha256` is empty if the hash is not pinned: then it comes from the publisher's hub, and `bytes`
    is approximate. `parts`, joined in order, give the file's bytes.
    """

    name: str
    bytes: int
    sha256: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the catalogue.

    `repository` and `revision` locate it on the publisher's hub; `parameters` counts shared weights
    once. A model with one file is that file; any other is its folder.
    """

    name: str
    licence: str
    publisher: str
    repository: str
    revision: str
    parameters: int
    files: tuple[ModelFile, ...]

    @property
    def bytes(self) -> int:
        """The bytes to fetch; approximate if the hashes are not pinned."""
        return sum(file.bytes for file in self.files)

    @property
    def is_pinned(self) -> bool:
        """Whether the catalogue has the hash of every file."""
        return all(file.sha256 for file in self.files)

    @property
    def sha256(self) -> str:
        """The hash of the only file; "" if there are several or it is not pinned."""
        return self.files[0].sha256 if len(self.files) == 1 else ""


def size_text(size: int) -> str:
    """A size in bytes, as shown to users."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@functools.cache
def catalogue() -> tuple[Entry, ...]:
    """All models, in the catalogue's order."""
    listed = tomllib.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    return tuple(_entry(fields) for fields in listed["model"])


def is_listed(name: str) -> bool:
    """Whether the catalogue has a model of that name."""
    return any(entry.name == name for entry in catalogue())


def entry_named(name: str) -> Entry:
    """The model of that name. Raises `ModelNotFoundError`, which lists all names."""
    for entry in catalogue():
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in catalogue())
    raise ModelNotFoundError(
        f"The catalogue has no model {name!r}; nothing was changed. It has {names}."
    )


def _entry(fields: dict[str, Any]) -> Entry:
    files = tuple(_file(file) for file in fields.pop("file"))
    return Entry(**fields, files=files)


def _file(fields: dict[str, Any]) -> ModelFile:
    numbered = enumerate(fields.pop("parts", ()), start=1)
    package, version = fields.pop("package", ""), fields.pop("version", "")
    parts = tuple(_part(package, version, number, part) for number, part in numbered)
    return ModelFile(**fields, parts=parts)


def _part(package: str, version: str, number: int, fields: dict[str, Any]) -> Part:
    name = package.format(number=number)
    folder = name.replace("-", "_")
    return Part(name, version, f"{folder}/data/part{number:02}.bin", **fields)
