"""A LoRA of the laptop model: merged it does what it was trained for; a bad one is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dgls.checkpoint.named import Named, resolved
from dgls.checkpoint.qwen2.checks import shape_of
from dgls.checkpoint.qwen2.int8 import converted_paths
from dgls.checkpoint.qwen2.lora import (
    PARTS,
    load_lora,
    save_lora,
    weights_of,
    with_lora,
    without_lora,
)
from dgls.config import changed, resolve
from dgls.errors import LoraError
from dgls.fill.causal import CausalFiller
from dgls.fill.open_filler import open_causal, open_filler
from dgls.network.linear import can_multiply_int8
from dgls.network.rows import Rows
from dgls.rendezvous.endpoint import endpoint_of
from tests.support.adapters import random_adapter, write_adapter
from tests.support.qwen2 import TOKENS, VOCABULARY, tiny_network, write_folder, write_gguf

RANK = 4
TEXT = torch.arange(40) * 7 % VOCABULARY


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf")


@pytest.fixture
def lora(gguf: Path) -> Path:
    return write_lora(gguf.parent / "lora.safetensors", resolved(str(gguf)))


def random_matrices(rank: int = RANK) -> dict[str, Tensor]:
    config, generator = tiny_network().config, torch.Generator().manual_seed(1)
    found: dict[str, Tensor] = {}
    for name in (f"blk.{layer}.{part}" for layer in range(config.layers) for part in PARTS):
        rows, columns = shape_of(f"{name}.weight", config)
        found[f"{name}.down"] = 0.3 * torch.randn((rank, columns), generator=generator)
        found[f"{name}.up"] = 0.3 * torch.randn((rows, rank), generator=generator)
    return found


def write_lora(path: Path, base: Named, matrices: dict[str, Tensor] | None = None) -> Path:
    save_lora(matrices or random_matrices(), path, base.identity, alpha=8.0, figures={})
    return path


def logits(filler: object) -> Tensor:
    assert isinstance(filler, CausalFiller)
    network = filler.model.network
    return network.logits(network.read(Rows(TEXT), network.slots(64)))


def test_merged_weights_equal_base_plus_lora(gguf: Path, lora: Path) -> None:
    named = resolved(str(gguf))
    merged = weights_of(with_lora(named, "auto"))
    read, rows = load_lora(lora, named.identity), torch.randn(5, 64)
    weight = weights_of(named).tensor("blk.1.attn_k.weight")
    down, up = (read.matrices[f"blk.1.attn_k.{side}"].dense() for side in ("down", "up"))
    beside = rows @ weight.T + 8.0 / RANK * (rows @ down.T) @ up.T
    torch.testing.assert_close(rows @ merged.tensor("blk.1.attn_k.weight").T, beside)
    for same in ("blk.1.attn_k.bias", "blk.0.ffn_norm.weight", "token_embd.weight"):
        assert torch.equal(merged.tensor(same), weights_of(named).tensor(same))


@pytest.mark.parametrize("exact", [True, False])
def test_removing_a_lora_restores_the_models_fills(gguf: Path, lora: Path, exact: bool) -> None:
    named = resolved(str(gguf))
    plain = logits(open_causal(named, "cpu", exact=exact))
    merged = logits(open_causal(with_lora(named, "auto"), "cpu", exact=exact))
    assert not torch.allclose(merged, plain, atol=0.1)
    assert torch.equal(logits(open_causal(with_lora(named, "off"), "cpu", exact=exact)), plain)
    lora.unlink()
    assert with_lora(named, "auto") is named


@pytest.mark.skipif(not can_multiply_int8(), reason="torch has no int8 products on this machine")
def test_another_lora_is_merged_again(gguf: Path, lora: Path) -> None:
    named = resolved(str(gguf))
    first = logits(open_filler(str(gguf), "cpu"))
    (made,) = gguf.parent.glob("*.int8-*")
    assert made == converted_paths(with_lora(named, "auto"))[0]
    write_lora(lora, named, {name: -each for name, each in random_matrices(8).items()})
    second = logits(open_filler(str(gguf), "cpu"))
    assert len(list(gguf.parent.glob("*.int8-*"))) == 2
    assert not torch.allclose(first, second, atol=0.1)


def test_a_folder_of_weights_takes_a_lora_and_keeps_its_base_identity(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "tiny")
    named = resolved(str(folder))
    write_lora(folder / "lora.safetensors", named)
    assert resolved(str(folder)) == named
    assert with_lora(named, "auto").lora is not None


def test_an_adapter_for_the_published_weights_is_refused_with_a_lora(
    gguf: Path, lora: Path, caplog: pytest.LogCaptureFixture
) -> None:
    named = resolved(str(gguf))
    adapter = random_adapter(tiny_network().config, TOKENS)
    write_adapter(gguf.with_name("adapter.safetensors"), adapter, base_sha256=named.identity)
    assert open_causal(named, "cpu", exact=True, adapter="on").model.masks is not None
    filler = open_causal(with_lora(named, "auto"), "cpu", exact=True, adapter="on")
    assert filler.model.masks is None
    assert "without its LoRA" in caplog.text


def test_a_lora_next_to_the_weights_needs_another_engine(gguf: Path) -> None:
    settings = changed(resolve().settings, {"model.name": str(gguf)})
    before = endpoint_of(settings)
    write_lora(gguf.with_name("lora.safetensors"), resolved(str(gguf)))
    assert endpoint_of(settings) != before


def spoilt(path: Path, change: Callable[[dict[str, Tensor]], object], **fields: str) -> None:
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    change(tensors)
    save_file(tensors, path, {**metadata, **fields})


def leave(tensors: dict[str, Tensor]) -> None:
    """Change no tensor."""


DOWN = "blk.0.attn_q.down"
NAN = {f"{DOWN}.scale": torch.full((RANK,), float("nan"))}
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "not a whole safetensors"),
    "empty": (lambda path: path.write_bytes(b""), "not a whole safetensors"),
    "another version": (lambda path: spoilt(path, leave, format="older"), "format is 'older'"),
    "another base": (lambda path: spoilt(path, leave, base_sha256="b"), "on another base model"),
    "no rank": (lambda path: spoilt(path, leave, rank=json.dumps(0)), "'rank' must be"),
    "a rank that is not JSON": (lambda path: spoilt(path, leave, rank="x"), "something is missing"),
    "no alpha": (lambda path: spoilt(path, leave, alpha=json.dumps("x")), "'alpha' must be"),
    "no numbers": (lambda path: spoilt(path, lambda t: t.update(NAN)), "not finite"),
    "no scale": (
        lambda path: spoilt(path, lambda t: t.pop(f"{DOWN}.scale")),
        "something is missing",
    ),
    "steps in fp32": (
        lambda path: spoilt(path, lambda t: t.update({f"{DOWN}.steps": torch.ones(RANK, 64)})),
        "8-bit numbers",
    ),
    "no matrices": (lambda path: spoilt(path, lambda t: t.clear()), "holds no matrices"),
    "a missing matrix": (
        lambda path: spoilt(path, lambda t: [t.pop(f"{DOWN}.{n}") for n in ("steps", "scale")]),
        f"it has no {DOWN}",
    ),
    "another shape": (
        lambda path: spoilt(
            path,
            lambda t: t.update({f"{DOWN}.steps": torch.ones(RANK, 32, dtype=torch.int8)}),
        ),
        f"{DOWN} has the shape",
    ),
    "one layer too many": (
        lambda path: spoilt(
            path,
            lambda t: t.update(
                {f"blk.9.ffn_up.down.{n}": t[f"{DOWN}.{n}"].clone() for n in ("steps", "scale")}
            ),
        ),
        "no layer for its blk.9.ffn_up.down",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_lora_is_one_sentence_and_the_model_runs_without_it(
    gguf: Path, lora: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    spoil, says = BAD[kind]
    spoil(lora)
    with caplog.at_level(logging.WARNING):
        filler = open_filler(str(gguf), "cpu")
    (warning,) = (record.message for record in caplog.records)
    assert says in warning
    assert warning.startswith(f"The LoRA {lora} was refused: ")
    assert "runs without it" in warning
    lora.unlink()
    assert torch.equal(logits(filler), logits(open_filler(str(gguf), "cpu")))


def test_a_lora_of_the_wrong_size_leaves_the_published_model(gguf: Path, lora: Path) -> None:
    named = resolved(str(gguf))
    wrong = {name: each for name, each in random_matrices().items() if "blk.0" in name}
    merged = with_lora(named, "auto")
    assert without_lora(merged) == named
    write_lora(lora, named, wrong)
    with pytest.raises(LoraError, match=r"it has no blk\.1"):
        weights_of(with_lora(named, "auto"))
