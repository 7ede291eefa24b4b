"""Recognizes checkpoints that dgls cannot run, by `config.json` alone. Knows no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgls.checkpoint.files import CONFIG_FILE
from dgls.errors import CheckpointError

MODEL_TYPE = "diffusion_gemma"

_FORMATS = {
    "compressed-tensors": "compressed-tensors (FP8, NVFP4)",
    "modelopt": "ModelOpt (NVFP4, FP8)",
    "fp8": "FP8",
    "gptq": "GPTQ",
    "awq": "AWQ",
    "bitsandbytes": "bitsandbytes",
}
"""The common names of formats, by the name in their configuration."""

_MODELOPT_FILE = "hf_quant_config.json"


def own_fields(folder: Path) -> Mapping[str, Any]:
    """The fields of `config.json`.

    Raises `CheckpointError` for anything but a plain DiffusionGemma. Weights that another tool
    quantised are refused: those in FP8 and NVFP4 need vLLM.
    """
    fields = _fields(folder / CONFIG_FILE)
    kind = fields.get("model_type")
    if kind != MODEL_TYPE:
        raise CheckpointError(
            f"{folder} holds a model of type {kind}, not a DiffusionGemma; nothing was loaded. "
            f"Give another folder or name."
        )
    if (tool := _quantised_by(folder, fields)) is not None:
        raise CheckpointError(
            f"Another tool, {tool}, quantised {folder}, and dgls does not run its weights; "
            "nothing was loaded. Serve it with vLLM (docs/team.md), or use the bf16 "
            "checkpoint, which dgls quantises itself."
        )
    return fields


def _fields(path: Path) -> Mapping[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path.parent} is not a checkpoint: {path.name} cannot be read ({error})."
        ) from error
    return fields if isinstance(fields, dict) else {}


def _quantised_by(folder: Path, fields: Mapping[str, Any]) -> str | None:
    """The common name of the quantised weights' format; None for unquantised weights."""
    found = fields.get("quantization_config")
    if isinstance(found, dict):
        method = str(found.get("quant_method", "unknown"))
        return _FORMATS.get(method, method)
    if (folder / _MODELOPT_FILE).is_file():
        return _FORMATS["modelopt"]
    return "MLX" if "quantization" in fields else None
