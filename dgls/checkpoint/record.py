"""`SOURCE.json`, beside every fetched model: its licence, its origin, and its files' hashes."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

RECORD_FILE = "SOURCE.json"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file as it was when its hash was checked. `source` is where its bytes came from."""

    name: str
    bytes: int
    sha256: str
    source: str


@dataclass(frozen=True, slots=True)
class Record:
    """A model's origin and licence. `proof` tells what its hashes were checked against."""

    name: str
    licence: str
    publisher: str
    repository: str
    revision: str
    proof: str
    files: tuple[FetchedFile, ...]


def read_record(folder: Path) -> Record | None:
    """The record in a model's folder; None if there is none or it cannot be read."""
    try:
        fields = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        files = tuple(FetchedFile(**file) for file in fields.pop("files"))
        return Record(**fields, files=files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_record(record: Record, folder: Path) -> None:
    """Write the record atomically. Raises `OSError`."""
    text = json.dumps(dataclasses.asdict(record), indent=2) + "\n"
    beside = folder / f"{RECORD_FILE}.new"
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, folder / RECORD_FILE)
