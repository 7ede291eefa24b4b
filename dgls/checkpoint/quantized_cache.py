"""Quantised weights kept on disk, so that only the first start has to quantise them.

There is a folder for each checkpoint, scheme and version of the format, in dgls's cache folder:

    quantized/<hash of the checkpoint's place>/<scheme>-<hash of its files>/*.safetensors

A weight in 8 bits is stored with `<name>.row_scale` beside it, one in 4 bits with `<name>.absmax`.
The folder is written beside its place and moved there when it is complete.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dgls.checkpoint.files import CONFIG_FILE, shard_files
from dgls.checkpoint.scheme import VERSION, Held, Scheme
from dgls.network.nf4 import Nf4
from dgls.network.quantization import SCALE, Rows8

log = logging.getLogger(__name__)

ABSMAX = ".absmax"
"""The suffix of the name of a 4-bit weight's scales."""

_SHARD_BYTES = 1_000_000_000


def kept_folder(checkpoint: Path, scheme: Scheme, dtype: torch.dtype) -> Path:
    """The folder for the checkpoint's quantised weights, which need not exist.

    It depends on the checkpoint's place, its files (by size and modification time) and the scheme.
    """
    # Imported here, because other callers do not need it.
    from platformdirs import user_cache_dir

    place = hashlib.sha256(str(checkpoint.resolve()).encode()).hexdigest()[:16]
    files = hashlib.sha256(f"{VERSION} {dtype}".encode())
    for path in (checkpoint / CONFIG_FILE, *shard_files(checkpoint)):
        status = path.stat()
        files.update(f"{path.name} {status.st_size} {status.st_mtime_ns}".encode())
    cache = Path(user_cache_dir("dgls", appauthor=False))
    return cache / "quantized" / place / f"{scheme}-{files.hexdigest()[:16]}"


def read_kept(folder: Path, device: torch.device | str) -> Iterator[tuple[str, Held, float]]:
    """Each weight, read onto `device`, with the share (0..1) of all files read so far.

    Raises `OSError` or `SafetensorError` if a file cannot be read.
    """
    files = sorted(folder.glob("*.safetensors"))
    for number, path in enumerate(files):
        with safe_open(path, framework="pt", device=str(device)) as file:
            stored = set(file.keys())
            for name in sorted(stored):
                if not name.endswith((SCALE, ABSMAX)):
                    yield name, _held(file, name, stored), (number + 1) / len(files)


def keeping(
    weights: Iterable[tuple[str, Held]], folder: Path, expected: int
) -> Iterator[tuple[str, Held]]:
    """Pass the weights on, and write them to `folder`, about `expected` bytes in all.

    If the disk has no room or fails, they are only passed on, and nothing is left. Weights kept
    from earlier files of the same checkpoint and scheme are removed.
    """
    writer = _Writer(folder, expected)
    try:
        for name, weight in weights:
            writer.add(name, weight)
            yield name, weight
        writer.finish()
    finally:
        writer.clear()


class _Writer:
    """Writes shards to a temporary folder, and gives up at the first failure."""

    def __init__(self, target: Path, expected: int) -> None:
        self._target = target
        self._beside = target.with_name(f"{target.name}.{os.getpid()}")
        self._shard: dict[str, Tensor] = {}
        self._shards = 0
        self._works = True
        self._attempt(lambda: self._begin(expected))

    def add(self, name: str, weight: Held) -> None:
        """Take one weight, and write a shard when there are enough of them."""
        if not self._works:
            return
        self._shard |= {key: tensor.cpu() for key, tensor in _stored(name, weight).items()}
        if sum(tensor.nbytes for tensor in self._shard.values()) >= _SHARD_BYTES:
            self._attempt(self._write)

    def finish(self) -> None:
        """Write the rest and move the folder into place, if nothing failed before."""
        self._attempt(self._write)
        self._attempt(self._move)

    def clear(self) -> None:
        """Remove unfinished files."""
        self._shard.clear()
        shutil.rmtree(self._beside, ignore_errors=True)

    def _attempt(self, step: Callable[[], None]) -> None:
        if not self._works:
            return
        try:
            step()
        except (OSError, SafetensorError) as error:
            log.warning(
                "quantised weights are not kept, so each start computes them again: %s", error
            )
            self._works = False
            self.clear()

    def _begin(self, expected: int) -> None:
        self._beside.mkdir(parents=True)
        free = shutil.disk_usage(self._beside).free
        if free < expected:
            raise OSError(
                f"{expected / 1e9:.1f} GB are needed in {self._target.parent}, and "
                f"{free / 1e9:.1f} GB are free"
            )

    def _write(self) -> None:
        if self._shard:
            save_file(self._shard, self._beside / f"weights-{self._shards:05}.safetensors")
            self._shards += 1
            self._shard = {}

    def _move(self) -> None:
        for other in self._target.parent.glob(f"{self._target.name.split('-')[0]}-*"):
            # A folder with a suffix is being written by another process, with the same content.
            if not other.suffix and other != self._target:
                shutil.rmtree(other, ignore_errors=True)
        if not self._target.exists():
            self._beside.replace(self._target)


def _stored(name: str, weight: Held) -> dict[str, Tensor]:
    if isinstance(weight, Nf4):
        return {name: weight.packed, name + ABSMAX: weight.absmax}
    if isinstance(weight, Rows8):
        return {name: weight.steps, name + SCALE: weight.scale}
    return {name: weight}


def _held(file: Any, name: str, stored: set[str]) -> Held:
    first = file.get_tensor(name)
    if name + ABSMAX in stored:
        return Nf4(first, file.get_tensor(name + ABSMAX))
    if name + SCALE in stored:
        return Rows8(first, file.get_tensor(name + SCALE))
    weight: Tensor = first
    return weight
