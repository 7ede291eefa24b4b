"""A checkpoint with one wrong field or weight is refused when it is loaded, by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from dgls.checkpoint.automatic_model import EMBEDDED
from dgls.checkpoint.checkpoint_config import read_config
from dgls.checkpoint.loading import load_checkpoint
from dgls.checkpoint.metadata import read_metadata
from dgls.checkpoint.registry import find
from dgls.errors import CheckpointError

WRONG: list[object] = [0, -1, 1.5, "x", True, 10**30, [], {}]
COUNTS = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"]
COUNTS += ["num_key_value_heads", "head_dim", "vocab_size", "max_position_embeddings"]
COUNTS += ["sliding_window", "num_experts", "top_k_experts", "moe_intermediate_size"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small files of the embedded model."""
    for name in ("config.json", "dgls.json"):
        shutil.copy(find(EMBEDDED) / name, tmp_path / name)
    return tmp_path


def edit(path: Path, name: str, value: object) -> None:
    """Change a field; dots lead into objects."""
    fields: dict[str, Any] = json.loads(path.read_text())
    *outer, last = name.split(".")
    inner = fields
    for each in outer:
        inner = inner[each]
    inner[last] = value
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize("value", WRONG, ids=str)
@pytest.mark.parametrize("name", [*(f"text_config.{each}" for each in COUNTS), "canvas_length"])
def test_a_wrong_count_is_named(folder: Path, name: str, value: object) -> None:
    if value == {}:
        return
    edit(folder / "config.json", name, value)
    with pytest.raises(CheckpointError, match=f"'{name}'"):
        read_config(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text_config", None),
        ("text_config", []),
        ("text_config.num_experts", None),
        ("text_config.moe_intermediate_size", None),
        ("text_config.head_dim", None),
        ("text_config.rms_norm_eps", 0),
        ("text_config.rms_norm_eps", float("nan")),
        ("text_config.rope_parameters.full_attention.rope_theta", -1.0),
        ("text_config.rope_parameters.full_attention.rope_theta", None),
        ("text_config.rope_parameters.full_attention.partial_rotary_factor", 1.5),
        ("text_config.rope_parameters.full_attention.partial_rotary_factor", 0),
        ("text_config.rms_norm_eps", None),
        ("text_config.num_key_value_heads", 3),
        ("text_config.top_k_experts", 2),
        ("text_config.layer_types", ["sliding_attention"]),
        ("text_config.pad_token_id", -1),
        ("text_config.eos_token_id", 10**6),
        ("text_config.bos_token_id", "two"),
    ],
)
def test_another_wrong_field_is_named(folder: Path, name: str, value: object) -> None:
    edit(folder / "config.json", name, value)
    with pytest.raises(CheckpointError, match=name.rpartition(".")[2]):
        read_config(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", 0),
        ("window", "wide"),
        ("bits", -8),
        ("family", 3),
        ("threshold", 2),
        ("threshold", float("nan")),
        ("threshold", "high"),
        ("budget", []),
        ("budget", {"gap": -1}),
        ("budget", {"gap": 1e400}),
        ("strategy", 3),
        ("cache_shares", [float("inf")]),
        ("calibration", []),
        ("calibration.bias", "x"),
        ("calibration.bias", None),
        ("calibration.share", []),
        ("cache_shares", 3),
        ("cache_shares", ["x"]),
        ("languages", "python"),
        ("languages", 3),
    ],
)
def test_wrong_metadata_is_named(folder: Path, name: str, value: object) -> None:
    edit(folder / "dgls.json", name, value)
    with pytest.raises(CheckpointError, match=f"'{name}"):
        read_metadata(folder)


def test_correct_metadata_is_read(folder: Path) -> None:
    assert read_config(folder).canvas_length == 64
    assert read_metadata(folder) is not None


@pytest.mark.parametrize("what", ["all", "one"])
def test_weights_with_nan_or_infinity_are_refused(tmp_path: Path, what: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(find(EMBEDDED), broken)
    weights = load_file(broken / "model.safetensors")
    for name, weight in weights.items():
        if weight.is_floating_point():
            if what == "all":
                weights[name] = torch.full_like(weight, float("nan"))
            else:
                weight.view(-1)[-1] = float("inf")
                break
    save_file(weights, broken / "model.safetensors")
    with pytest.raises(CheckpointError, match="not numbers"):
        load_checkpoint(broken)


@pytest.mark.parametrize("what", ["no scales", "bool", "wide scales"])
def test_eight_bit_weights_without_scales_are_refused(tmp_path: Path, what: str) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(find(EMBEDDED), broken)
    weights = load_file(broken / "model.safetensors")
    name = next(name for name, weight in weights.items() if weight.dtype is torch.int8)
    scale = weights[f"{name}.row_scale"]
    if what == "no scales":
        del weights[f"{name}.row_scale"]
    elif what == "bool":
        weights[name] = weights[name].to(torch.bool)
    else:
        weights[f"{name}.row_scale"] = torch.cat([scale, scale])
    save_file(weights, broken / "model.safetensors")
    with pytest.raises(CheckpointError, match=f"{name}|size of tensor"):
        load_checkpoint(broken)


@pytest.mark.parametrize("left", [{}, {"hidden_size": 256}, {"num_hidden_layers": 6}])
def test_a_configuration_that_leaves_out_its_sizes_is_refused(
    tmp_path: Path, left: dict[str, int]
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(find(EMBEDDED), broken)
    edit(broken / "config.json", "text_config", left)
    with pytest.raises(CheckpointError, match=r"config\.json|tokens|shape"):
        load_checkpoint(broken)
