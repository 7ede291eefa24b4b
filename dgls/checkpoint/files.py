"""The files of a checkpoint folder. Knows no torch, so that it loads fast."""

from __future__ import annotations

import json
from pathlib import Path

from dgls.errors import CheckpointError

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
INDEX_FILE = "model.safetensors.index.json"
CONVERTED = ".int8-"
"""Part of the name of a converted file that is kept beside the weights."""
ADAPTER_FILE = "adapter.safetensors"
LORA_FILE = "lora.safetensors"
"""A LoRA trained for the weights beside it."""


def shard_files(folder: Path) -> tuple[Path, ...]:
    """The folder's safetensors. Raises `CheckpointError` if any are missing.

    An index, if there is one, lists the required files.
    """
    index = folder / INDEX_FILE
    found = sorted(filter(_is_published, folder.glob("*.safetensors")))
    if index.is_file():
        wanted = {folder / name for name in _indexed(index)}
        if not wanted:
            raise _bad_index(index, "it does not name a weight file")
        if missing := sorted(path.name for path in wanted if not path.is_file()):
            raise CheckpointError(
                f"{len(missing)} of the {len(wanted)} weight files in {folder} are missing (the "
                f"first is {missing[0]}); nothing was loaded. Finish its download."
            )
        return tuple(sorted(wanted))
    if not found:
        raise CheckpointError(
            f"{folder} holds no safetensors weights (pickled ones are never loaded); "
            f"nothing was loaded. Get the checkpoint again."
        )
    return tuple(found)


def _is_published(path: Path) -> bool:
    return CONVERTED not in path.name and path.name not in (ADAPTER_FILE, LORA_FILE)


def _indexed(index: Path) -> set[str]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _bad_index(index, str(error)) from error
    for name in names:
        if not isinstance(name, str) or not name.endswith(".safetensors") or _has_folder(name):
            raise _bad_index(index, f"{str(name)[:80]!r} is not a file of this folder's weights")
    return names


def _has_folder(name: str) -> bool:
    return "/" in name or "\\" in name or "\0" in name


def _bad_index(index: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{index} cannot be read ({why}); nothing was loaded. Get the checkpoint again."
    )
