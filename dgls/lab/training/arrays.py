"""Dataclasses of arrays, each as one compressed file."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dgls.errors import TrainingError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def save_arrays(arrays: DataclassInstance, path: Path) -> None:
    """Write a dataclass whose fields are all arrays."""
    np.savez_compressed(path, **{f.name: getattr(arrays, f.name) for f in fields(arrays)})


def load_arrays(kind: type[T], path: Path) -> T:
    """Read what `save_arrays` wrote. Raises `TrainingError` for anything else."""
    try:
        with np.load(path) as arrays:
            return kind(**{f.name: arrays[f.name] for f in fields(kind)})
    except (OSError, ValueError, KeyError) as error:
        what = kind.__name__.lower()
        raise TrainingError(f"{path} holds no {what} ({error}); nothing was trained.") from error
