"""Whether a model of the catalogue fits this machine's memory and disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from dgls.checkpoint.catalogue import Entry
from dgls.checkpoint.store import models_folder, partial_bytes, record_of

_BYTES_A_PARAMETER = 1.2
"""For int8 weights, their scales, and the unquantised rest."""
_BESIDE = 800_000_000
"""For Python, torch, encoded prompts and buffers, in bytes."""


@dataclass(frozen=True, slots=True)
class MachineFit:
    """A model's needs and what is available, in bytes; both needs are estimates.

    `disk` is for what is still to be fetched and converted.
    """

    memory: int
    memory_free: int
    disk: int
    disk_free: int

    @property
    def fits(self) -> bool:
        """Whether memory and disk suffice. Unknown memory counts as enough."""
        return not self.problem

    @property
    def problem(self) -> str:
        """What is missing, in a few words; "" if nothing is."""
        if self.memory_free and self.memory_free < self.memory:
            return f"needs {_gb(self.memory)} of memory, {_gb(self.memory_free)} are free"
        if self.disk_free < self.disk:
            return f"needs {_gb(self.disk)} of disk, {_gb(self.disk_free)} are free"
        return ""


def fit_of(entry: Entry, memory_free: int) -> MachineFit:
    """How the model fits with `memory_free` free bytes (0: unknown)."""
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
