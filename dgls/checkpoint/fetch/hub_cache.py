"""The Hugging Face cache folder as a source, with files that other programs fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dgls.checkpoint.fetch.copying import copy_file
from dgls.checkpoint.fetch.digest import Digest
from dgls.checkpoint.fetch.source import Arrived, Job, SourceError


class HubCache:
    """The folder that `hf download` fills (`HF_HUB_CACHE`, `HF_HOME`); it is only read."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return "the Hugging Face cache"

    def fetch(self, job: Job) -> Arrived:
        """Copy the file from the snapshot that has it. Raises `SourceError`."""
        from huggingface_hub import constants

        if not Path(constants.HF_HUB_CACHE).is_absolute():
            raise SourceError("is not at an absolute path")
        for snapshot in _snapshots(job):
            path = snapshot / job.file.name
            digest = job.digest or _digest_of_blob(path)
            if digest is None or not path.is_file():
                continue
            size = path.stat().st_size
            if job.digest is None or size == job.file.bytes:
                # A pinned file is the same in every revision.
                revision = job.revision if job.digest else snapshot.name
                return Arrived(digest, copy_file(path, job, "copying"), revision)
        raise SourceError(f"does not have {job.file.name} of {job.entry.repository}")


def _snapshots(job: Job) -> Iterator[Path]:
    """The repository's cached snapshots: those of the wanted revision first, then the newest."""
    from huggingface_hub import constants

    repository = f"models--{job.entry.repository.replace('/', '--')}"
    folder = Path(constants.HF_HUB_CACHE) / repository
    try:
        commit = (folder / "refs" / job.revision).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = job.revision
    found = [path for path in (folder / "snapshots").glob("*") if path.is_dir()]
    is_pinned_to_one = job.digest is None and job.revision != job.entry.revision
    for path in sorted(found, key=lambda path: (path.name == commit, _time(path)), reverse=True):
        if path.name == commit or not is_pinned_to_one:
            yield path


def _digest_of_blob(path: Path) -> Digest | None:
    """The hash of a snapshot's file, which is a link to a blob named by it, if links exist."""
    return Digest.of_etag(path.resolve().name)


def _time(path: Path) -> float:
    return path.stat().st_mtime
