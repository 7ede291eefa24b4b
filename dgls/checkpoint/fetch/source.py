"""The interface of all sources of a model's files: jobs, results and errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dgls.checkpoint.catalogue import Entry, ModelFile
from dgls.checkpoint.fetch.digest import Digest

CHUNK = 1 << 20
"""The bytes that are read at once."""


class SourceError(Exception):
    """A source does not have the file, or not now. The message is one line with the reason."""


class Progress(Protocol):
    """Receives the progress of a fetch."""

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """A task of `total` bytes begins, of which `done` are complete."""

    def at(self, done: int) -> None:
        """`done` bytes are complete; may be called very often."""

    def end(self) -> None:
        """The task has ended, successfully or not."""

    def say(self, line: str) -> None:
        """Show a line."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to fetch into `partial`, which may have its first bytes already.

    `revision` is the one to fetch from the publisher's hub.
    """

    entry: Entry
    file: ModelFile
    revision: str
    partial: Path
    progress: Progress

    @property
    def digest(self) -> Digest | None:
        """The file's hash in the catalogue; None if it is not pinned."""
        return Digest("sha256", self.file.sha256) if self.file.sha256 else None

    @property
    def fetched(self) -> int:
        """How many bytes are complete."""
        return self.partial.stat().st_size if self.partial.exists() else 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A source's description of the file that it wrote to `partial`, to be checked."""

    digest: Digest
    bytes: int
    revision: str


class Source(Protocol):
    """A place that may have a model's files."""

    @property
    def name(self) -> str:
        """Its name in messages, such as "the package index"."""

    def fetch(self, job: Job) -> Arrived:
        """Fill `job.partial`. Raises `SourceError`; `OSError` if the disk cannot be written."""
