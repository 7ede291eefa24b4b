"""Chooses the precision of a model's weights where the settings leave it open."""

from __future__ import annotations

import torch
from transformers import DiffusionGemmaConfig

from dgls.checkpoint.automatic_model import AUTO
from dgls.checkpoint.footprint import footprints
from dgls.checkpoint.precision_fit import best, fits
from dgls.checkpoint.scheme import Scheme
from dgls.errors import CheckpointError, SettingError
from dgls.network.hardware import free_memory


def scheme_of(setting: str) -> Scheme | None:
    """The scheme of the setting `model.quantization`; None for "auto". Raises `SettingError`."""
    if setting == AUTO:
        return None
    try:
        return Scheme(setting)
    except ValueError as error:
        raise SettingError(
            f"'model.quantization' must be auto, none, 8bit or 4bit, not {setting!r}; "
            f"no model was loaded."
        ) from error


def chosen_scheme(
    wanted: Scheme | None, config: DiffusionGemmaConfig, device: torch.device
) -> Scheme:
    """The wanted scheme, or the most exact one that fits into the device's free memory.

    A model with one expert, such as the embedded one, is small and never quantised in memory.
    Raises `CheckpointError` if no scheme fits.
    """
    if config.get_text_config().num_experts == 1:
        return Scheme.NONE
    if wanted is not None:
        return wanted
    sizes = {str(scheme): each.total for scheme, each in footprints(config).items()}
    if sizes[Scheme.NONE] < _SMALL_BYTES:
        return Scheme.NONE
    found = fits(free_memory(device), sizes)
    chosen = best(found)
    if chosen is None:
        least = min(found, key=lambda each: each.needed)
        raise CheckpointError(
            f"The model needs {least.needed / 1e9:.1f} GB even in {least.scheme}, and "
            f"{least.free / 1e9:.1f} GB are free on {device}; nothing was loaded. Free memory, "
            f"take the embedded model, or let a vLLM server run it (docs/team.md)."
        )
    return Scheme(chosen.scheme)


_SMALL_BYTES = 1_000_000_000
"""A smaller model is not worth quantising."""
