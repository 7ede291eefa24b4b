"""The int8 file of a causal model: loaded from an earlier start, or made."""

from __future__ import annotations

import logging
from pathlib import Path

from dgls.checkpoint.files import CONVERTED
from dgls.checkpoint.named import Named, fingerprint
from dgls.checkpoint.qwen2.build import Opened, convert, open_int8
from dgls.checkpoint.qwen2.lora import weights_of
from dgls.checkpoint.store import models_folder
from dgls.errors import CheckpointError
from dgls.protocol import OnProgress

log = logging.getLogger(__name__)


def opened_int8(named: Named, progress: OnProgress) -> Opened:
    """The model in int8. A file of another version, or a broken one, is made again.

    Raises `CheckpointError` for weights that are invalid, that change while they are read, or whose
    int8 file cannot be written anywhere; `LoraError` for a LoRA that does not fit them;
    `ModelMemoryError` if memory does not suffice.
    """
    for path in converted_paths(named):
        if path.is_file():
            try:
                opened = open_int8(path, progress)
            except CheckpointError as error:
                log.warning("the int8 file of %s is written again: %s", named.name, error)
                continue
            if opened.origin == named.identity:
                return opened
    made = make_int8(named, lambda share, what: progress(_MADE * share, what))
    return open_int8(made, lambda share, what: progress(_MADE + (1 - _MADE) * share, what))


def converted_paths(named: Named) -> tuple[Path, ...]:
    """Where a model's int8 file may be: beside its weights, or with the fetched models.

    Its name has the hash of the weights, and of a LoRA merged into them.
    """
    is_file = named.path.is_file()
    stem = named.path.stem if is_file else "model"
    name = f"{stem}{CONVERTED}{named.identity[:12]}.safetensors"
    beside = named.path.parent if is_file else named.path
    return beside / name, models_folder() / "converted" / name


_MADE = 0.8
"""The share of a first start that making the file takes."""


def make_int8(named: Named, progress: OnProgress) -> Path:
    """Make the file at the first writable place; raises as `opened_int8`."""
    before = fingerprint(named.path)
    source = weights_of(named)
    problems: list[str] = []
    for path in converted_paths(named):
        try:
            convert(source, named.identity, path, progress)
        except OSError as error:
            problems.append(f"{path.parent}: {error}")
            continue
        check_unchanged(named.path, before, path)
        return path
    raise CheckpointError(
        f"The int8 weights of {named.name} cannot be written ({'; '.join(problems)}); "
        "nothing was loaded. Make room, or set DGLS_MODELS to a folder that you can "
        "write to."
    )


def check_unchanged(weights: Path, before: str, made: Path | None = None) -> None:
    """Raise `CheckpointError` if the weights no longer have the fingerprint `before`.

    The file `made` from them is deleted then, because part of it may come from other weights.
    """
    if fingerprint(weights) == before:
        return
    if made is not None:
        made.unlink(missing_ok=True)
    raise CheckpointError(
        f"{weights} changed while it was read; nothing was loaded. Try again when it is complete."
    )
