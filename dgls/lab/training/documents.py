"""Source files packed into one, so that a training process maps them instead of reading them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dgls.errors import TrainingError


@dataclass(frozen=True)
class Document:
    """One source file: its path inside its package, and its text."""

    path: str
    text: str


class Documents:
    """Packed documents: `NAME.utf8` has the texts, `NAME.json` the paths and offsets."""

    def __init__(self, file: Path) -> None:
        """Map the packed documents at `file` (without suffix). Raises `TrainingError`."""
        try:
            index = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            blob = _mapped(file.with_suffix(".utf8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"No packed documents at {file} ({error}); build the corpus again."
            ) from error
        self._paths: list[str] = index["paths"]
        self._offsets: list[int] = index["offsets"]
        self._blob: npt.NDArray[np.uint8] = blob

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Document:
        start, end = self._offsets[index], self._offsets[index + 1]
        text = self._blob[start:end].tobytes().decode("utf-8")
        return Document(self._paths[index], text)

    def __iter__(self) -> Iterator[Document]:
        return (self[index] for index in range(len(self)))

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """The size of each document in bytes, [documents]: the odds of drawing it."""
        return np.diff(np.asarray(self._offsets, dtype=np.float64))


def _mapped(file: Path) -> npt.NDArray[np.uint8]:
    # An empty file cannot be mapped.
    if not file.stat().st_size:
        return np.zeros(0, dtype=np.uint8)
    return np.memmap(file, dtype=np.uint8, mode="r")


def pack(documents: Iterable[Document], file: Path) -> int:
    """Write the documents for `Documents`. Returns their bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    paths: list[str] = []
    offsets = [0]
    with file.with_suffix(".utf8").open("wb") as out:
        for document in documents:
            paths.append(document.path)
            offsets.append(offsets[-1] + out.write(document.text.encode("utf-8")))
    index = json.dumps({"paths": paths, "offsets": offsets})
    file.with_suffix(".json").write_text(index, encoding="utf-8")
    return offsets[-1]
