"""Copies a local file into a partial one, with progress."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from dgls.checkpoint.fetch.source import CHUNK, Job, SourceError


def copy_file(source: Path, job: Job, what: str) -> int:
    """Copy `source` over the job's partial file; returns the bytes. Raises `SourceError`."""
    try:
        size = source.stat().st_size
        with source.open("rb") as file:
            return _copy(file, size, job, what)
    except _UnreadableError as error:
        raise SourceError(f"{source} cannot be read ({error})") from error
    except OSError as error:
        if error.filename != str(source):
            raise
        raise SourceError(f"{source} cannot be read ({error.strerror})") from error


class _UnreadableError(Exception):
    """Reading, not writing, failed."""


def _copy(file: BinaryIO, size: int, job: Job, what: str) -> int:
    done = 0
    job.progress.begin(what, size)
    try:
        with job.partial.open("wb") as partial:
            while chunk := _read(file):
                partial.write(chunk)
                job.progress.at(done := done + len(chunk))
    finally:
        job.progress.end()
    return done


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(CHUNK)
    except OSError as error:
        raise _UnreadableError(error.strerror) from error
