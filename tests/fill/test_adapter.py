"""The adapter's file: refusals, and that a refusal never keeps a model from filling."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from dgls.checkpoint.adapter import load_adapter
from dgls.checkpoint.adapter_trial import (
    Trial,
    adapter_of,
    fingerprint,
    read_trial,
    write_trial,
)
from dgls.checkpoint.catalogue import entry_named
from dgls.checkpoint.named import Named
from dgls.errors import CheckpointError, DglsError, ModelNotFoundError
from dgls.fill import adapter_trial
from dgls.fill.adapter import equip
from dgls.fill.adapter_trial import AdapterTrial
from dgls.fill.causal import CausalFiller
from dgls.fill.confidence import confidence_of
from dgls.inference.causal_model import Drafting
from tests.support.adapters import BASE, SIZE, random_adapter, write_adapter
from tests.support.qwen2 import TOKENS, tiny_causal, tiny_network

LAPTOP = "qwen2.5-coder-0.5b-instruct"
MAX_BYTES = 16_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    weights = random_adapter(tiny_network().config, TOKENS)
    return write_adapter(tmp_path / "adapter.safetensors", weights)


def test_the_bundled_adapter_is_complete_and_small(tmp_path: Path) -> None:
    bundled = adapter_of(LAPTOP, tmp_path)
    assert bundled is not None
    assert bundled.stat().st_size <= MAX_BYTES
    weights = load_adapter(bundled, entry_named(LAPTOP).sha256)
    assert weights.figures["tokens_per_pass_all"] > 2


def test_an_adapter_reads_back_as_written(path: Path) -> None:
    written, read = random_adapter(tiny_network().config, TOKENS), load_adapter(path, BASE)
    assert read.size == written.size
    assert torch.equal(read.draft_ids, written.draft_ids)
    for name, matrix in written.matrices.items():
        assert torch.equal(read.matrices[name].dense(), matrix.dense())


def missing(path: Path) -> None:
    path.unlink()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_version(path: Path) -> None:
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), format="older")


def another_base(path: Path) -> None:
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), base_sha256="c" * 64)


def not_a_number(path: Path) -> None:
    bad = {"mask_embedding": torch.full((4, 64), float("nan"))}
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), bad)


def no_recipe(path: Path) -> None:
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), recipe="[]")


REFUSED = {
    missing: (ModelNotFoundError, "There is no adapter at"),
    truncated: (CheckpointError, "not a whole safetensors file"),
    empty: (CheckpointError, "not a whole safetensors file"),
    another_version: (CheckpointError, "its format is 'older'"),
    another_base: (CheckpointError, "trained on another base"),
    not_a_number: (CheckpointError, "not finite"),
    no_recipe: (CheckpointError, "something is missing"),
}


EIGHT_BITS = random_adapter(tiny_network().config, TOKENS).matrices["0.qkv.down"]
WRONG_PARTS: dict[str, tuple[str, Tensor]] = {
    "draft_ids": ("draft_ids", torch.tensor([[1, 2]], dtype=torch.int32)),
    "no draft_ids": ("draft_ids", torch.tensor([], dtype=torch.int32)),
    "draft_ids below 0": ("draft_ids", torch.tensor([-1], dtype=torch.int32)),
    "mask_embedding": ("mask_embedding", torch.ones(4)),
    "mask_embedding of whole numbers": ("mask_embedding", torch.ones(4, 64, dtype=torch.int32)),
    "steps in fp32": ("0.qkv.down.steps", EIGHT_BITS.steps.float()),
    "steps in a row": ("0.qkv.down.steps", EIGHT_BITS.steps.flatten()),
    "one scale too few": ("0.qkv.down.scale", EIGHT_BITS.scale[:-1]),
    "one scale too many": ("0.qkv.down.scale", torch.cat([EIGHT_BITS.scale, EIGHT_BITS.scale[:1]])),
    "no scales": ("0.qkv.down.scale", EIGHT_BITS.scale[:0]),
    "scales in a column": ("0.qkv.down.scale", EIGHT_BITS.scale[:, None]),
    "scales of whole numbers": ("0.qkv.down.scale", EIGHT_BITS.scale.long()),
    "scales below 0": ("0.qkv.down.scale", -EIGHT_BITS.scale - 1),
}


@pytest.mark.parametrize("kind", WRONG_PARTS)
def test_an_impossible_tensor_is_named(path: Path, kind: str) -> None:
    name, tensor = WRONG_PARTS[kind]
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), {name: tensor.contiguous()})
    with pytest.raises(CheckpointError, match=f"{name} .*Fills continue without it"):
        load_adapter(path, BASE)


@pytest.mark.parametrize("name", ["masks", "rank", "sampler"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "x", True, None, [], 10**30])
def test_an_impossible_size_is_named(path: Path, name: str, value: object) -> None:
    recipe = json.dumps({**asdict(SIZE), name: value})
    write_adapter(path, random_adapter(tiny_network().config, TOKENS), recipe=recipe)
    with pytest.raises(CheckpointError, match=f"'{name}' must be"):
        load_adapter(path, BASE)


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_a_bad_file_is_refused_with_its_reason(path: Path, spoil) -> None:
    spoil(path)
    kind, reason = REFUSED[spoil]
    with pytest.raises(kind, match=reason) as caught:
        load_adapter(path, BASE)
    assert "ills continue without it" in str(caught.value)
    assert isinstance(caught.value, DglsError)


@pytest.mark.parametrize("spoil", [truncated, another_base, not_a_number])
def test_a_model_with_a_bad_adapter_fills_and_warns_once(path: Path, spoil, caplog) -> None:
    spoil(path)
    model = tiny_causal()
    with caplog.at_level(logging.WARNING):
        equip(model, named(path), "on")
    assert model.masks is None
    assert len(caplog.records) == 1


FAST = Trial("", 10, 100.0, 80.0)
SLOW = Trial("", 10, 100.0, 90.0)


@pytest.mark.parametrize(
    ("setting", "trial", "loaded", "drafts"),
    [
        ("off", FAST, False, None),
        ("on", SLOW, True, True),
        ("on", None, True, True),
        ("auto", FAST, True, True),
        ("auto", SLOW, False, None),
        ("auto", None, True, False),
    ],
)
def test_an_adapter_drafts_if_it_pays_or_the_setting_says_so(
    path: Path, setting: str, trial: Trial | None, loaded: bool, drafts: bool | None
) -> None:
    if trial is not None:
        times = trial.without_ms, trial.with_ms
        write_trial(path.parent, Trial(fingerprint(path), trial.fills, *times))
    model = tiny_causal()
    equip(model, named(path), setting)
    assert (model.masks is not None) == loaded
    if loaded:
        assert model.drafting == Drafting(masks=bool(drafts))


def test_another_adapters_trial_does_not_count(path: Path) -> None:
    write_trial(path.parent, Trial("another", 10, 100.0, 50.0))
    assert read_trial(path.parent, path) is None


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_trials_result_decides_and_is_stored(
    path: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    filler, trial = on_trial(path, monkeypatch, share)
    model = filler.model
    while filler.use_idle_time():
        assert model.drafting == Drafting(masks=False)
    assert trial.result is not None
    assert trial.result.pays == (share < 0.85)
    assert read_trial(path.parent, path) == trial.result
    assert (model.masks is not None) == model.drafting.masks == trial.result.pays
    assert not filler.use_idle_time()


def test_fills_that_share_the_cpu_do_not_count(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filler, trial = on_trial(path, monkeypatch, share=0.5, busy=2.0)
    while filler.use_idle_time():
        pass
    assert trial.result is None
    assert read_trial(path.parent, path) is None
    assert filler.model.drafting == Drafting(masks=False)


@pytest.mark.parametrize("busy", [1.0, 2.0])
def test_a_trial_reports_its_progress(
    path: Path, monkeypatch: pytest.MonkeyPatch, busy: float
) -> None:
    _, trial = on_trial(path, monkeypatch, share=0.5, busy=busy)
    shares: list[float] = []
    trial.run(shares.append)
    assert shares == sorted(set(shares))
    assert 0.0 < shares[0] < 0.1
    assert shares[-1] == 1.0


def on_trial(
    path: Path, monkeypatch: pytest.MonkeyPatch, share: float, busy: float = 1.0
) -> tuple[CausalFiller, AdapterTrial]:
    """A trial in which fills take a second, with masks a `share` of it, times `busy` by the clock.

    The trial reads both clocks before and after each fill.
    """
    model = tiny_causal()
    assert equip(model, named(path), "auto") == path
    filler = CausalFiller(model, confidence_of("tiny", path.parent))
    trial = AdapterTrial(filler, path.parent, path)

    def clock(scale: float) -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += scale * (share if model.drafting.masks else 1.0)
            yield now

    wall, used = clock(busy), clock(1.0)
    faked = SimpleNamespace(perf_counter=lambda: next(wall), process_time=lambda: next(used))
    monkeypatch.setattr(adapter_trial, "time", faked)
    filler.idle_work = trial.step
    return filler, trial


def named(path: Path) -> Named:
    return Named("tiny", path.parent, True, BASE)
