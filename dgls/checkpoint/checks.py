"""Checks of a checkpoint before it is used: valid fields and finite weights.

A wrong field may only show as a division by zero deep in a library, or in the first fill. Weights
that are NaN give empty fills without an error. So both are checked when a checkpoint is loaded, and
the error names the wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgls.errors import CheckpointError

_MOST = 2**31
_ROWS = 8192
_COUNTS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "global_head_dim",
    "num_global_key_value_heads",
    "max_position_embeddings",
    "sliding_window",
    "num_experts",
    "top_k_experts",
    "moe_intermediate_size",
    "canvas_length",
)
_MAY_BE_NULL = frozenset({"global_head_dim", "num_global_key_value_heads", "sliding_window"})
_MAY_BE_NULL |= {"partial_rotary_factor", "initializer_range"}
_POSITIVE = ("rms_norm_eps", "rope_theta", "partial_rotary_factor", "initializer_range")
_SHARES = ("partial_rotary_factor",)
_MULTIPLES = (("num_attention_heads", "num_key_value_heads"),)
_AT_MOST = (("top_k_experts", "num_experts"),)
_TOKENS = ("pad_token_id", "eos_token_id", "bos_token_id")


def check_config(fields: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` that names the first invalid field of `config.json`."""
    if not isinstance(fields.get("text_config"), Mapping):
        raise CheckpointError(
            f"{path} is not valid: 'text_config' must be an object; nothing was loaded."
        )
    for what in _faults({name: part for name, part in fields.items() if name != "vision_config"}):
        raise CheckpointError(f"{path} is not valid: {what}; nothing was loaded.")


def check_metadata(fields: Mapping[str, Any], path: Path) -> None:
    """Raise `CheckpointError` that names the first invalid field of `dgls.json`."""
    for what in _metadata_faults(fields):
        raise CheckpointError(f"{path} is not valid: {what}; nothing was loaded.")


def check_weight(name: str, weight: Tensor, folder: Path) -> None:
    """Raise `CheckpointError` for a weight with non-finite values, or with integers."""
    if not weight.is_floating_point():
        kind = str(weight.dtype).removeprefix("torch.")
        raise CheckpointError(
            f"The weight {name} in {folder} is stored as {kind}, which is not a weight on "
            "its own; nothing was loaded. Get the checkpoint again."
        )
    pieces = torch.split(weight, _ROWS) if weight.dim() else (weight,)
    if not all(bool(each.isfinite().all()) for each in pieces):
        raise CheckpointError(
            f"The weight {name} in {folder} has values that are not numbers; nothing was "
            "loaded. Get the checkpoint again."
        )


def is_count(value: Any) -> bool:
    """Whether a value is an integer from 1 to below 2^31."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < _MOST


def is_positive(value: Any) -> bool:
    """Whether a value is a finite number above 0."""
    return _is_number(value) and value > 0


def shown(value: Any) -> str:
    """A value for a message, shortened."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number beyond 64 bits"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _faults(fields: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    for name, value in fields.items():
        full = f"'{inside}{name}'"
        if isinstance(value, Mapping):
            yield from _faults(value, f"{inside}{name}.")
        elif name in _COUNTS and not (is_count(value) or _may_be_null(name, value)):
            yield f"{full} must be a whole number of 1 or more, not {shown(value)}"
        elif name in _POSITIVE and not (is_positive(value) or _may_be_null(name, value)):
            yield f"{full} must be a number above 0, not {shown(value)}"
        elif name in _SHARES and value is not None and value > 1:
            yield f"{full} must be 1 at most, not {shown(value)}"
        elif name in _TOKENS and not _are_tokens(value, fields.get("vocab_size")):
            yield f"{full} must be a token of the vocabulary, not {shown(value)}"
    for many, few in _MULTIPLES:
        if _both(fields, many, few) and fields[many] % fields[few]:
            yield f"'{inside}{many}' ({fields[many]}) must be a multiple of '{few}' ({fields[few]})"
    for less, most in _AT_MOST:
        if _both(fields, less, most) and fields[less] > fields[most]:
            yield f"'{inside}{less}' ({fields[less]}) must be '{most}' ({fields[most]}) at most"
    yield from _layer_faults(fields, inside)


def _may_be_null(name: str, value: Any) -> bool:
    return value is None and name in _MAY_BE_NULL


def _layer_faults(fields: Mapping[str, Any], inside: str) -> Iterator[str]:
    types, count = fields.get("layer_types"), fields.get("num_hidden_layers")
    if types is None or not is_count(count):
        return
    if not isinstance(types, list) or len(types) != count:
        yield f"'{inside}layer_types' must name the type of each of the {count} layers"


def _metadata_faults(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in ("window", "bits"):
        if name in fields and not is_count(fields[name]):
            yield f"'{name}' must be a whole number of 1 or more, not {shown(fields[name])}"
    for name in ("name", "family"):
        if name in fields and not isinstance(fields[name], str):
            yield f"'{name}' must be a text, not {shown(fields[name])}"
    threshold = fields.get("threshold")
    if threshold is not None and not (_is_number(threshold) and 0 <= threshold <= 1):
        yield f"'threshold' must be 0 to 1 or null, not {shown(threshold)}"
    for name in ("budget", "strategy", "notes", "calibration"):
        if name in fields and not isinstance(fields[name], dict):
            yield f"'{name}' must be an object, not {shown(fields[name])}"
    for name in ("cache_shares", "languages"):
        if name in fields and not isinstance(fields[name], list):
            yield f"'{name}' must be a list, not {shown(fields[name])}"
    for name, number in _numbers(fields):
        if not _is_number(number):
            yield f"'{name}' must be a finite number, not {shown(number)}"
    budget = fields.get("budget")
    if not isinstance(budget, dict):
        return
    for name, number in budget.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            yield f"'budget.{name}' must be a whole number of 0 or more, not {shown(number)}"


def _numbers(fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    shares = fields.get("cache_shares", ())
    found = [("cache_shares", each) for each in shares] if isinstance(shares, list) else []
    calibration = fields.get("calibration")
    if isinstance(calibration, dict):
        found += [(f"calibration.{name}", value) for name, value in calibration.items()]
    return found


def _both(fields: Mapping[str, Any], *names: str) -> bool:
    return all(is_count(fields.get(name)) for name in names)


def _is_number(value: Any) -> bool:
    is_plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_plain and abs(value) < _MOST**2 and math.isfinite(value)


def _are_tokens(value: Any, vocabulary: Any) -> bool:
    """Whether it is one token, a list of tokens, or None; without a vocabulary any id will do."""
    most = vocabulary if is_count(vocabulary) else _MOST
    found = value if isinstance(value, list) else [] if value is None else [value]
    return all(
        isinstance(each, int) and not isinstance(each, bool) and 0 <= each < most for each in found
    )
