"""One string from a GGUF file's metadata, read without the rest of the file.

Reading all of it, as `dgls.checkpoint.gguf_file` must, takes seconds for a large vocabulary. The
format is that of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from dgls.errors import CheckpointError

_MAGIC = b"GGUF"
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 24


def metadata_text(path: Path, key: str) -> str | None:
    """The string under `key`; None if the file has none. Raises `CheckpointError`."""
    try:
        with path.open("rb") as file:
            return _found(file, key)
    except (OSError, struct.error, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a whole GGUF file ({error!r}); nothing was changed. Get it again."
        ) from error


def _found(file: BinaryIO, key: str) -> str | None:
    magic, version, _, count = struct.unpack("<4sIQQ", file.read(24))
    if magic != _MAGIC or version < 2:
        raise ValueError("another format")
    for _ in range(count):
        name = _text(file)
        (kind,) = struct.unpack("<I", file.read(4))
        if name == key.encode():
            return _text(file).decode("utf-8") if kind == _STRING else None
        _skip(file, kind)
    return None


def _text(file: BinaryIO) -> bytes:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _LONGEST:
        raise ValueError("a text without end")
    return file.read(length)


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _text(file)
    elif kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        if inner in _SIZES:
            file.seek(_SIZES[inner] * count, 1)
        else:
            for _ in range(count):
                _skip(file, inner)
    else:
        file.seek(_SIZES[kind], 1)
