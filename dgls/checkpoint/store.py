"""Where fetched models are stored, and which of them are complete.

    <models>/<name>/<file>        as published
    <models>/<name>/SOURCE.json   licence, origin and hashes (`dgls.checkpoint.record`)
    <models>/<name>/.partial/     an interrupted `dgls model get`, to be continued
    <models>/<name>.lock          held during a `dgls model get`

Other files in a model's folder were made from it (converted weights) and are deleted with it. Knows
no torch and reads a few small files, so that an editor's status can ask.
"""

from __future__ import annotations

import os
from pathlib import Path

from dgls.checkpoint.catalogue import Entry, catalogue
from dgls.checkpoint.record import Record, read_record
from dgls.config.settings import MODELS_VARIABLE
from dgls.files import expanded

PARTIAL = ".partial"


def models_folder() -> Path:
    """The absolute path of the folder of fetched models; it need not exist."""
    if chosen := os.environ.get(MODELS_VARIABLE):
        return expanded(chosen).absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("dgls", appauthor=False)) / "models"


def folder_of(entry: Entry) -> Path:
    """The model's own folder, which need not exist."""
    return models_folder() / entry.name


def path_of(name: str) -> Path | None:
    """The path to load a model from: its only file, or its folder. None if it is not complete.

    Names outside the catalogue give None; the working directory is never searched.
    """
    for entry in catalogue():
        if entry.name == name:
            return place_of(entry) if record_of(entry) is not None else None
    return None


def place_of(entry: Entry) -> Path:
    """The place of a fetched model: its only file, or its folder."""
    folder = folder_of(entry)
    return folder / entry.files[0].name if len(entry.files) == 1 else folder


def present() -> tuple[Entry, ...]:
    """The models of the catalogue that are complete, in its order."""
    return tuple(entry for entry in catalogue() if record_of(entry) is not None)


def record_of(entry: Entry) -> Record | None:
    """The record written when the model was fetched; None if it is not complete.

    Complete means that each file has the recorded size, and that the recorded hash is the
    catalogue's. No weights are read.
    """
    folder = folder_of(entry)
    record = read_record(folder)
    if record is None:
        return None
    recorded = {file.name: file for file in record.files}
    for file in entry.files:
        fetched = recorded.get(file.name)
        if fetched is None or file.sha256 not in ("", fetched.sha256):
            return None
        if _size(folder / file.name) != fetched.bytes:
            return None
    return record


def partial_bytes(entry: Entry) -> int:
    """The bytes kept from an interrupted fetch."""
    folder = folder_of(entry) / PARTIAL
    return sum(max(0, _size(folder / file.name)) for file in entry.files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
