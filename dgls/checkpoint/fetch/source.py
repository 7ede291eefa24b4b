"""What every source of a model's files shares: what it is asked for, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dgls.checkpoint.catalogue import Entry, ModelFile
from dgls.checkpoint.fetch.digest import Digest

CHUNK = 1 << 20
"""Bytes that are read at once."""


class SourceError(Exception):
    """A source has not got the file, or not now. The message is one line that says why."""


class Progress(Protocol):
    """Who is told how far a fetch is."""

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Something of `total` bytes begins, of which `done` are there already."""

    def at(self, done: int) -> None:
        """So many bytes are done; may be called very often."""

    def end(self) -> None:
        """What began has ended, well or not."""

    def say(self, line: str) -> None:
        """A line to show."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to fetch: into `partial`, which may hold its first bytes already.

    `revision` is where to fetch it from on the publisher's hub.
    """

    entry: Entry
    file: ModelFile
    revision: str
    partial: Path
    progress: Progress

    @property
    def digest(self) -> Digest | None:
        """What the catalogue says that the file's hash is; None where it is not pinned."""
        return Digest("sha256", self.file.sha256) if self.file.sha256 else None

    @property
    def fetched(self) -> int:
        """How many bytes are there already."""
        return self.partial.stat().st_size if self.partial.exists() else 0


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a source says of the file that it has put into `partial`: to be checked."""

    digest: Digest
    bytes: int
    revision: str


class Source(Protocol):
    """One place that may have a model's files."""

    @property
    def name(self) -> str:
        """How messages call it, such as "the package index"."""

    def fetch(self, job: Job) -> Arrived:
        """Fill `job.partial`. Raises `SourceError`; `OSError` where the disk cannot be written."""
