"""Where fetched models live on this machine, and which are here.

    <models>/<name>/<file>        as the publisher made it
    <models>/<name>/SOURCE.json   licence, origin and hashes (`dgls.checkpoint.record`)
    <models>/<name>/.partial/     what an interrupted `dgls model get` goes on with
    <models>/<name>.lock          held while one runs

Whatever else lies in a model's folder was made from it (converted weights) and goes with it.
Knows no torch and reads a few small files, so that an editor's status can ask.
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
    """The folder of all fetched models, absolute; it need not exist."""
    if chosen := os.environ.get(MODELS_VARIABLE):
        return expanded(chosen).absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("dgls", appauthor=False)) / "models"


def folder_of(entry: Entry) -> Path:
    """The model's own folder, whether it is there or not."""
    return models_folder() / entry.name


def path_of(name: str) -> Path | None:
    """The model as it is loaded: its only file, or its folder. None where it is not here whole.

    Names that the catalogue does not have are not here; the working directory is never looked at.
    """
    for entry in catalogue():
        if entry.name == name:
            return place_of(entry) if record_of(entry) is not None else None
    return None


def place_of(entry: Entry) -> Path:
    """Where the model is when it is here: its only file, or its folder."""
    folder = folder_of(entry)
    return folder / entry.files[0].name if len(entry.files) == 1 else folder


def present() -> tuple[Entry, ...]:
    """The models of the catalogue that are here whole, in its order."""
    return tuple(entry for entry in catalogue() if record_of(entry) is not None)


def record_of(entry: Entry) -> Record | None:
    """What was written when the model was fetched; None where it is not here whole.

    Whole means that each file has the size that was recorded, and that the recorded hash is the
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
    """How much of an interrupted fetch is kept, in bytes."""
    folder = folder_of(entry) / PARTIAL
    return sum(max(0, _size(folder / file.name)) for file in entry.files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
