"""Builds a model from weights that arrive one by one, so that none is held twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import nn
from transformers import DiffusionGemmaConfig

from dgls.checkpoint.files import CONFIG_FILE
from dgls.checkpoint.quantized_modules import QUANTIZED_EXPERTS, put_weight
from dgls.checkpoint.scheme import Held
from dgls.checkpoint.shards import decoder_name, names_of
from dgls.errors import CheckpointError
from dgls.network.architecture import TextDiffusionGemma, choose_implementations


def empty_model(config: DiffusionGemmaConfig) -> TextDiffusionGemma:
    """A model whose weights have shapes but no memory, on torch's `meta` device.

    Raises `CheckpointError` if the configuration is invalid.
    """
    try:
        with torch.device("meta"):
            return TextDiffusionGemma(config)
    # The library raises various types for a missing or wrong field, depending on its use.
    except Exception as error:
        raise CheckpointError(
            f"'text_config' in {CONFIG_FILE} describes no model that can be built "
            f"({type(error).__name__}: {str(error)[:80]}); nothing was loaded. "
            f"Get the checkpoint again."
        ) from error


def weight_shapes(model: TextDiffusionGemma) -> dict[str, torch.Size]:
    """The shape of every weight that a checkpoint must have, by its one name."""
    state = cast(nn.Module, model).state_dict()
    return {decoder_name(name): tensor.shape for name, tensor in state.items()}


def assemble(
    config: DiffusionGemmaConfig,
    weights: Iterable[tuple[str, Held]],
    device: torch.device | str,
    *,
    quantized: bool = False,
) -> TextDiffusionGemma:
    """The model with those weights, which are on `device` already, in eval mode.

    `quantized` allows quantised experts. Raises `CheckpointError` if a weight is missing, has
    another shape, or belongs to no part of the model.
    """
    choose_implementations(config)
    if quantized:
        config._experts_implementation = QUANTIZED_EXPERTS
    model = empty_model(config)
    missing = weight_shapes(model)
    for name, weight in weights:
        _check_shape(name, weight.shape, missing.pop(name, None))
        put_weight(cast(nn.Module, model), names_of(name), weight)
    if missing:
        raise CheckpointError(
            f"{len(missing)} weights of the checkpoint are missing (the first is {min(missing)}); "
            f"nothing was loaded. Get the checkpoint again."
        )
    _fill_tables(model, torch.device(device))
    cast(nn.Module, model).eval()
    return model


def _check_shape(name: str, shape: torch.Size, wanted: torch.Size | None) -> None:
    if wanted is None:
        raise CheckpointError(
            f"A weight of the checkpoint belongs to another model ({name}); nothing was "
            f"loaded. Get the checkpoint again."
        )
    if shape != wanted:
        raise CheckpointError(
            f"The weights cannot be loaded: {name} has the shape {[*shape]}, not "
            f"{[*wanted]}; nothing was loaded. Get the checkpoint again."
        )


def _fill_tables(model: TextDiffusionGemma, device: torch.device) -> None:
    """Compute the buffers that no checkpoint has: rotary frequencies and the embedding scale."""
    for module in cast(nn.Module, model).modules():
        own: Any = module
        if hasattr(own, "scalar_embed_scale"):
            own.embed_scale = torch.tensor(own.scalar_embed_scale, device=device)
        elif any(table.is_meta for table in own.buffers(recurse=False)):
            fresh = type(own)(own.config)
            for name, table in fresh.named_buffers(recurse=False):
                own._buffers[name] = table.to(device)
