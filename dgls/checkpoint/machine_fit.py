"""Whether a model of the catalogue fits this machine: its memory and the disk of the models."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from dgls.checkpoint.catalogue import Entry
from dgls.checkpoint.store import models_folder, partial_bytes, record_of

_BYTES_A_PARAMETER = 1.2
"""int8, its scales, and what stays exact."""
_BESIDE = 800_000_000
"""Python, torch, encoded prompts and buffers."""


@dataclass(frozen=True, slots=True)
class MachineFit:
    """What a model needs beside what there is, in bytes; both needs are estimates.

    `disk` is what fetching and converting it still takes.
    """

    memory: int
    memory_free: int
    disk: int
    disk_free: int

    @property
    def fits(self) -> bool:
        """Whether there is room for both. Memory that is not known counts as enough."""
        return not self.problem

    @property
    def problem(self) -> str:
        """What is missing, in a few words; empty where nothing is."""
        if self.memory_free and self.memory_free < self.memory:
            return f"needs {_gb(self.memory)} of memory, {_gb(self.memory_free)} are free"
        if self.disk_free < self.disk:
            return f"needs {_gb(self.disk)} of disk, {_gb(self.disk_free)} are free"
        return ""


def fit_of(entry: Entry, memory_free: int) -> MachineFit:
    """How the model fits where `memory_free` bytes are free (0: not known)."""
    weights = round(_BYTES_A_PARAMETER * entry.parameters)
    missing = 0 if record_of(entry) is not None else entry.bytes - partial_bytes(entry)
    return MachineFit(
        weights + _BESIDE, memory_free, missing + weights if missing else 0, _disk_free()
    )


def _disk_free() -> int:
    folder = models_folder()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
