"""The sizes of a Qwen2 from its file, each checked before use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from dgls.checkpoint.checks import is_count, is_positive, shown
from dgls.errors import CheckpointError
from dgls.network.qwen2 import Qwen2Config

_COUNTS = ("layers", "width", "heads", "kv_heads", "feed_forward", "vocabulary")
_LARGEST = 2**24
"""More than any size of a model."""


def read_fields(
    value_of: Callable[[str], object], names: Mapping[str, str], path: Path
) -> Qwen2Config:
    """The sizes. `names` has the file's name of each field of `Qwen2Config`.

    Raises `CheckpointError` that names the first invalid field.
    """
    counts = {name: _count(value_of(names[name]), names[name], path) for name in _COUNTS}
    config = Qwen2Config(
        **counts,
        rope_base=_positive(value_of(names["rope_base"]), names["rope_base"], path),
        epsilon=_positive(value_of(names["epsilon"]), names["epsilon"], path, most=0.1),
    )
    for many, few in (("width", "heads"), ("heads", "kv_heads")):
        if counts[many] % counts[few]:
            refuse(
                path,
                f"'{names[many]}' ({counts[many]}) must be a multiple of "
                f"'{names[few]}' ({counts[few]})",
            )
    if config.head_width % 2:
        refuse(path, f"'{names['width']}' over '{names['heads']}' must be even")
    return config


def refuse(path: Path, what: str) -> NoReturn:
    """Raise `CheckpointError` for a file with one fault."""
    raise CheckpointError(f"{path} is not valid: {what}; nothing was loaded. Get it again.")


def _count(value: object, name: str, path: Path) -> int:
    if not is_count(value) or not isinstance(value, int) or value > _LARGEST:
        refuse(path, f"'{name}' must be a whole number of 1 or more, not {shown(value)}")
    return value


def _positive(value: object, name: str, path: Path, most: float = math.inf) -> float:
    if not is_positive(value) or not isinstance(value, int | float) or value > most:
        below = "" if most == math.inf else f" and at most {most:g}"
        refuse(path, f"'{name}' must be a number above 0{below}, not {shown(value)}")
    return float(value)
