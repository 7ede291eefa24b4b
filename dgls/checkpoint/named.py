"""Resolves a model's name on this machine to its weights and family."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dgls.checkpoint.automatic_model import AUTO, automatic
from dgls.checkpoint.catalogue import entry_named, is_listed
from dgls.checkpoint.files import LORA_FILE, shard_files
from dgls.checkpoint.registry import find, name_of
from dgls.checkpoint.store import path_of, place_of, present
from dgls.config import is_path
from dgls.errors import ModelNotFoundError
from dgls.files import expanded

if TYPE_CHECKING:
    from dgls.checkpoint.qwen2.lora import Lora

_LORAS = Path(__file__).with_name("loras")


@dataclass(frozen=True, slots=True)
class Named:
    """A model on this machine. `path` is a folder, or a GGUF file.

    `causal`: it belongs to the causal fill-in-the-middle family. `identity` identifies its weights,
    including a merged `lora`.
    """

    name: str
    path: Path
    causal: bool
    identity: str
    lora: Lora | None = None

    @property
    def folder(self) -> Path:
        """The folder for files made from the weights."""
        return self.path.parent if self.path.is_file() else self.path

    @property
    def lora_file(self) -> Path | None:
        """The model's LoRA, if any: the one beside the weights, else the bundled one."""
        found = (self.folder / LORA_FILE, _LORAS / f"{self.name}.safetensors")
        return next((path for path in found if path.is_file()), None)


def resolved(name: str) -> Named:
    """The model of a setting: `auto`, a catalogue name, a file, a folder, or a cached name.

    Raises `ModelNotFoundError` if it is not here.
    """
    wanted = automatic() if name == AUTO else name
    if is_listed(wanted):
        return _listed(wanted)
    file = expanded(wanted)
    if file.suffix == ".gguf" and is_path(wanted):
        if not file.is_file():
            raise ModelNotFoundError(f"There is no file {file}; nothing was loaded.")
        file = file.resolve()
        return Named(file.stem, file, causal=True, identity=_identity(file))
    folder = find(wanted)
    if _model_type(folder) == "qwen2":
        return Named(name_of(folder), folder, causal=True, identity=fingerprint(folder))
    return Named(wanted, folder, causal=False, identity="")


def _listed(name: str) -> Named:
    entry, path = entry_named(name), path_of(name)
    if path is None:
        raise ModelNotFoundError(
            f"{name} is not on this machine; nothing was loaded. Fetch it first: dgls model "
            f"get {name}"
        )
    identity = entry.sha256 if entry.is_pinned else fingerprint(path)
    return Named(name, path, causal=True, identity=identity)


def _identity(file: Path) -> str:
    """The catalogue's hash for a fetched file, which is the same model anywhere."""
    for entry in present():
        if entry.is_pinned and place_of(entry).resolve() == file:
            return entry.sha256
    return fingerprint(file)


def _model_type(folder: Path) -> str:
    try:
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    return str(fields.get("model_type", "")) if isinstance(fields, dict) else ""


def fingerprint(path: Path) -> str:
    """Identifies weights by their sizes, times and ends; reading all would take seconds.

    Raises `CheckpointError` for a folder without weights.
    """
    digest = hashlib.sha256()
    files = shard_files(path) if path.is_dir() else (path,)
    for file in files:
        status = file.stat()
        digest.update(f"{file.name} {status.st_size} {status.st_mtime_ns}".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(1 << 16))
            opened.seek(max(0, status.st_size - (1 << 16)))
            digest.update(opened.read())
    return digest.hexdigest()
