"""A checkpoint's `config.json` as the library's configuration."""

from __future__ import annotations

from pathlib import Path

from transformers import DiffusionGemmaConfig

from dgls.checkpoint.checks import check_config
from dgls.checkpoint.files import CONFIG_FILE
from dgls.checkpoint.foreign import own_fields
from dgls.errors import CheckpointError


def read_config(folder: Path) -> DiffusionGemmaConfig:
    """The model's shape. Raises `CheckpointError` for anything but a plain DiffusionGemma."""
    fields = own_fields(folder)
    check_config(fields, folder / CONFIG_FILE)
    try:
        return DiffusionGemmaConfig(**fields)
    # The library's strict configuration classes raise their own types for a bad field.
    except Exception as error:
        raise CheckpointError(
            f"{folder / CONFIG_FILE} is not valid ({error}); nothing was loaded."
        ) from error
