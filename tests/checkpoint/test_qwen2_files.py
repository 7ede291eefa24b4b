"""Qwen2's files: read equally in each form, and refused if they are wrong."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType
from safetensors.torch import load_file, save_file
from torch import Tensor

from dgls.canvas.fim import ENDS_OF_MIDDLE
from dgls.checkpoint.files import WEIGHTS_FILE
from dgls.checkpoint.gguf_file import NAMES as GGUF_NAMES
from dgls.checkpoint.gguf_file import GgufFile
from dgls.checkpoint.named import Named, resolved
from dgls.checkpoint.qwen2.build import open_int8
from dgls.checkpoint.qwen2.checks import CONVERSION_BYTES, parameters
from dgls.checkpoint.qwen2.int8 import converted_paths, opened_int8
from dgls.checkpoint.qwen2.source import NAMES, open_source
from dgls.errors import CheckpointError, DglsError, ModelMemoryError, ModelNotFoundError
from dgls.fill.open_filler import open_causal
from tests.checkpoint.qwen2_files import dense, logits, needs_int8
from tests.support.qwen2 import (
    TOKENS,
    edited_config,
    quietly,
    tiny_network,
    write_folder,
    write_gguf,
)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written / "tiny", tmp_path / "tiny"))


@pytest.mark.parametrize("tied", [False, True])
def test_a_gguf_file_and_a_folder_give_the_same_network(tmp_path: Path, tied: bool) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", tied)
    folder = write_folder(tmp_path / "tiny", tied)
    wanted = logits(tiny_network(tied))
    assert torch.equal(logits(dense(file)), wanted)
    assert torch.equal(logits(dense(folder)), wanted)
    sizes = [dataclasses.asdict(open_source(path).config) for path in (file, folder)]
    assert sizes[0] == pytest.approx(sizes[1])
    text = "def total(items):\r\n\tresult = '\U0001f600'\n"
    ids = [open_source(path).tokenizer().encode(text).ids for path in (file, folder)]
    assert ids[0] == ids[1]
    for mark in ENDS_OF_MIDDLE:
        places = {open_source(path).tokenizer().token_to_id(mark) for path in (file, folder)}
        assert len(places) == 1
        assert places <= set(range(TOKENS))


def test_quantised_weights_are_near_those_in_fp32(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", kind=GGMLQuantizationType.Q8_0)
    near, exact = logits(dense(file)).log_softmax(-1), logits(tiny_network()).log_softmax(-1)
    assert (exact.exp() * (exact - near)).sum(-1).mean() < 0.05


@needs_int8
@pytest.mark.parametrize("tied", [False, True])
def test_the_int8_file_gives_the_converted_weights(tmp_path: Path, tied: bool) -> None:
    named = resolved(str(write_gguf(tmp_path / "tiny.gguf", tied)))
    opened = opened_int8(named, quietly)
    (beside, elsewhere) = converted_paths(named)
    again = open_int8(beside, quietly)
    assert torch.equal(logits(opened.network), logits(again.network))
    assert again.origin == named.identity
    assert again.network.config == opened.network.config
    assert not elsewhere.exists()
    assert [path.name for path in tmp_path.glob("*.partial")] == []


@needs_int8
def test_a_converted_folder_is_the_same_model_at_the_next_start(folder: Path) -> None:
    first = resolved(str(folder))
    opened_int8(first, quietly)
    (beside, _) = converted_paths(first)
    made = beside.stat().st_mtime_ns
    again = resolved(str(folder))
    opened_int8(again, quietly)
    assert again == first
    assert beside.stat().st_mtime_ns == made
    assert torch.equal(logits(dense(folder)), logits(tiny_network()))


# Faults of a GGUF file: how to make one, and what the message says.
BAD_GGUF: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "not a whole GGUF"),
    "text": (lambda path: path.write_text("<html>Log in</html>" * 9), "not a whole GGUF"),
    "another architecture": (
        lambda path: write_gguf(path, architecture="llama"),
        "architecture 'llama'",
    ),
    "an unreadable type": (
        lambda path: write_gguf(path, changed={"blk.0.ffn_down.weight": np.ones((64, 96), "i1")}),
        "blk.0.ffn_down.weight as I8",
    ),
    "no numbers": (
        lambda path: write_gguf(
            path, changed={"blk.1.attn_q.weight": np.full((64, 64), np.nan, "f4")}
        ),
        "blk.1.attn_q.weight .* not numbers",
    ),
    "another shape": (
        lambda path: write_gguf(path, changed={"blk.0.attn_k.weight": np.ones((64, 64), "f4")}),
        "blk.0.attn_k.weight with the shape",
    ),
    "too few tokens": (lambda path: write_gguf(path, tokens=300), "tokenizer"),
    "too many tokens": (lambda path: write_gguf(path, tokens=500), "500 tokens, and the model"),
}


@pytest.mark.parametrize("bad", BAD_GGUF)
def test_a_bad_gguf_file_says_what_is_wrong(tmp_path: Path, bad: str) -> None:
    make, says = BAD_GGUF[bad]
    path = tmp_path / "bad.gguf"
    make(path)
    assert_refused(path, says)


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_gguf_file_that_ends_early_is_refused(gguf: Path, share: float) -> None:
    with gguf.open("r+b") as file:
        file.truncate(int(share * gguf.stat().st_size))
    assert_refused(gguf, "not a whole GGUF|does not say|has no")


def rewritten(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    path = folder / WEIGHTS_FILE
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def index(folder: Path) -> None:
    text = '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'
    (folder / "model.safetensors.index.json").write_text(text)


NAN = torch.full((64,), float("nan"))


FAR = {f"t{number}": 10**6 + number for number in range(336)}


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tokenizer": (lambda each: (each / "tokenizer.json").unlink(), "tokenizer.json"),
    "broken tokenizer": (
        lambda each: (each / "tokenizer.json").write_text("{}"),
        "is not a tokenizer",
    ),
    "no weights": (lambda each: (each / WEIGHTS_FILE).unlink(), "no safetensors weights"),
    "cut weights": (
        lambda each: (each / WEIGHTS_FILE).write_bytes((each / WEIGHTS_FILE).read_bytes()[:-9]),
        "not a whole safetensors file",
    ),
    "a missing shard": (index, "weight files .* are missing"),
    "a missing weight": (
        lambda each: rewritten(each, lambda weights: weights.pop("model.norm.weight")),
        "no weight model.norm.weight",
    ),
    "no numbers": (
        lambda each: rewritten(each, lambda weights: weights.update({"model.norm.weight": NAN})),
        "model.norm.weight .* not numbers",
    ),
    "more tokens than weights": (
        lambda each: edited_config(each, vocab_size=330),
        "340 tokens, and the model has 330",
    ),
    "fewer weights than it says": (
        lambda each: edited_config(each, intermediate_size=128),
        "gate_proj.weight with the shape .* \\('intermediate_size'\\)",
    ),
    "a missing layer": (
        lambda each: edited_config(each, num_hidden_layers=3),
        "'num_hidden_layers' \\(3\\) is not the number",
    ),
    "impossible heads": (
        lambda each: edited_config(each, num_attention_heads=3),
        "'hidden_size' \\(64\\) must be a multiple of 'num_attention_heads' \\(3\\)",
    ),
    "fewer layers than the file has": (
        lambda each: edited_config(each, num_hidden_layers=1),
        "'num_hidden_layers' \\(1\\) is not the number",
    ),
    "whole numbers for weights": (
        lambda each: rewritten(
            each,
            lambda weights: weights.update({"model.norm.weight": torch.ones(64, dtype=torch.int8)}),
        ),
        "model.norm.weight is stored as torch.int8",
    ),
    "no output head without tied weights": (
        lambda each: rewritten(each, lambda weights: weights.pop("lm_head.weight")),
        "no weight lm_head.weight",
    ),
    "a tokenizer without a vocabulary": (
        lambda each: edited_tokenizer(each, pre_tokenizer=None),
        "'pre_tokenizer'",
    ),
    "a token past the weights": (
        lambda each: edited_tokenizer(each, model={"type": "BPE", "vocab": FAR, "merges": []}),
        "a token beyond 'vocab_size'",
    ),
}


WRONG_COUNTS: list[object] = [0, -1, 1.5, "4", "x", True, 10**30, 1e308, None, [], {}, [1]]


WRONG_COUNTS += [float("nan"), float("inf")]


WRONG_NUMBERS: list[object] = [0, -1.0, "4", True, None, [], {}, float("nan"), float("inf")]


FIELDS: dict[str, list[object]] = {
    **dict.fromkeys(NAMES.values(), WRONG_COUNTS),
    "rope_theta": WRONG_NUMBERS,
    "rms_norm_eps": [*WRONG_NUMBERS, 1.0],
    "hidden_act": ["gelu", 3],
    "head_dim": [7, "x"],
    "rope_scaling": [{"type": "yarn", "factor": 4.0}, {"rope_type": "linear"}, 3],
    "rope_parameters": [3, "x", [1], {"rope_type": "yarn", "rope_theta": 1e4}],
}


@pytest.mark.parametrize("name", FIELDS)
def test_an_impossible_field_of_a_folder_is_named(folder: Path, name: str) -> None:
    for value in FIELDS[name]:
        edited_config(folder, **{name: value})
        with pytest.raises(CheckpointError, match=f"'{name}'") as error:
            open_source(folder)
        assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", GGUF_NAMES.values())
def test_an_impossible_field_of_a_gguf_file_is_named(
    gguf: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = GgufFile(gguf)
    source.config  # noqa: B018
    if name not in source._reader.fields:
        return
    for value in WRONG_NUMBERS:
        monkeypatch.setattr(
            source,
            "_field",
            lambda asked, value=value: value if asked == name else GgufFile._field(source, asked),
        )
        with pytest.raises(CheckpointError, match=f"'{name}'"):
            source.config  # noqa: B018


def edited_tokenizer(folder: Path, **fields: object) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return folder


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors.index.json"])
@pytest.mark.parametrize("content", [b"", b"\0", b"x", b"[]", b"3", b"[" * 100_000, b'"\xe9"'])
def test_a_malformed_file_of_a_folder_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(DglsError, match=name.partition(".")[0] if name == "config.json" else name):
        open_causal(Named("tiny", folder, True, "x"), "cpu")


@pytest.mark.parametrize("bad", BAD_FOLDERS)
def test_a_bad_folder_says_what_is_wrong(folder: Path, bad: str) -> None:
    make, says = BAD_FOLDERS[bad]
    make(folder)
    assert_refused(folder, says)


def assert_refused(path: Path, says: str) -> None:
    """The same message for exact and int8 models; nothing is left beside the weights."""
    before = {each.name for each in _folder(path).iterdir()}
    for exact in (True, False):
        with pytest.raises(CheckpointError, match=says) as caught:
            open_causal(resolved(str(path)), "cpu", exact=exact)
        assert "othing was loaded" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert {each.name for each in _folder(path).iterdir()} == before


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


@pytest.mark.parametrize(("exact", "bytes_each"), [(True, 4), (False, CONVERSION_BYTES)])
def test_a_model_larger_than_the_free_memory_is_refused(
    gguf: Path, monkeypatch: pytest.MonkeyPatch, exact: bool, bytes_each: float
) -> None:
    needed = parameters(tiny_network().config) * bytes_each
    free = [needed - 10]
    monkeypatch.setattr("dgls.checkpoint.qwen2.checks.free_memory", lambda device: free[0])
    with pytest.raises(ModelMemoryError, match="nothing was loaded"):
        open_causal(resolved(str(gguf)), "cpu", exact=exact)
    free[0] = needed + 10
    open_causal(resolved(str(gguf)), "cpu", exact=exact)
    # A converted model needs less.
    free[0] = needed if exact else needed / 2
    open_causal(resolved(str(gguf)), "cpu", exact=exact)


def test_a_relative_path_must_begin_with_a_dot(
    gguf: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, tmp_path / "owner" / "name")
    assert resolved("./tiny.gguf") == resolved(str(gguf))
    assert resolved("./owner/name").causal
    for name in ("owner/name", "tiny", "qwen2.5-coder-0.5b-instruct"):
        with pytest.raises(ModelNotFoundError, match="nothing was loaded"):
            resolved(name)
    with pytest.raises(ModelNotFoundError, match="no file"):
        resolved("./nothing.gguf")
