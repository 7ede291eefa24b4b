"""The user's own file as a source."""

from __future__ import annotations

from pathlib import Path

from dgls.checkpoint.fetch.copying import copy_file
from dgls.checkpoint.fetch.source import Arrived, Job, SourceError


class GivenFile:
    """`--from FILE`. The file itself is only read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the given file"

    def fetch(self, job: Job) -> Arrived:
        """Copy the file if its size is right. Raises `SourceError`."""
        if job.digest is None:
            raise SourceError(
                "only the publisher's hub has this model's hashes, so a file cannot be checked; "
                "to use your own folder, set model.name to its path"
            )
        if not self._path.is_file():
            raise SourceError(f"{self._path} is not a file")
        size = self._path.stat().st_size
        if size != job.file.bytes:
            raise SourceError(f"{self._path} has {size:,} bytes, not {job.file.bytes:,}")
        copied = copy_file(self._path, job, "copying the given file")
        return Arrived(job.digest, copied, job.entry.revision)
